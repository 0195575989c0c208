#include "sync/replica.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/require.h"
#include "sync/words.h"

namespace dws {

namespace {

// Fills `before` with the live words at the changed positions.
void read_live_words(const Tile& tile, std::span<const std::byte> words, TileChanges& changes) {
    require(changes.size() == 0 || changes.positions.back() < tile.words,
            "decode_delta() admits no position past the end");
    const std::byte* start = words.data() + tile.offset_bytes;
    changes.before.resize(changes.size());
    with_word_type(tile.word_bytes, [&](auto type) {
        using Word = decltype(type);
        for (std::size_t index = 0; index < changes.size(); ++index) {
            changes.before[index] =
                load_word<Word>(start + changes.positions[index] * sizeof(Word));
        }
    });
}

bool lists_an_unchanged_word(const Changes& changes) {
    for (const auto& [tile, tile_changes] : changes) {
        for (std::size_t index = 0; index < tile_changes.size(); ++index) {
            if (tile_changes.before[index] == tile_changes.after[index]) return true;
        }
    }
    return false;
}

// Array by array: what stands between them is nobody's.
void copy_arrays(const TensorLayout& layout, std::span<const std::byte> from,
                 std::span<std::byte> to) {
    for (std::size_t array = 0; array < layout.specs().size(); ++array) {
        const TensorSpec& spec = layout.specs()[array];
        const std::size_t offset = layout.offset_bytes(array);
        const auto source = from.subspan(offset, spec.elements() * width_bytes(spec.dtype));
        std::ranges::copy(source, to.begin() + static_cast<std::ptrdiff_t>(offset));
    }
}

}  // namespace

Replica::Replica(const ArrayTable& table, std::span<std::byte> words, std::span<std::byte> spare)
    : table_(table), words_(words), spare_(spare), tile_digests_(digest_tiles(table, words)) {
    const std::size_t size = table.layout().size_bytes();
    require(words.size() >= size, "words is the table's flat buffer");
    require(spare.empty() || spare.size() >= size, "the spare copy is as large");
    if (!spare_.empty()) copy_arrays(table.layout(), words, spare_);
    digest_ = sum(tile_digests_);
}

Result<StagedVersion> Replica::stage_delta(const Record& record, Changes changes) const {
    require(record.kind == RecordKind::delta, "stage_delta() takes a delta's record");
    if (version_ < 0 || record.base_version != version_) {
        return Error{Fault::wrong_base,
                     fmt::format("delta to version {} starts from {}, held is {}", record.version,
                                 record.base_version, version_)};
    }
    if (record.layout_hash != table_.layout_hash()) {
        return Error{Fault::wrong_base, fmt::format("version {} is of other arrays (layout {})",
                                                    record.version, record.layout_hash)};
    }
    if (count(changes) != record.changed_words) {
        return Error{Fault::corrupt,
                     fmt::format("delta to version {} holds {} words, its record "
                                 "says {}",
                                 record.version, count(changes), record.changed_words)};
    }
    StagedVersion staged{.record = record,
                         .changes = std::move(changes),
                         .next = {},
                         .tiles = {},
                         .from_version = version_};
    Digest after = digest_;
    for (auto& [index, tile_changes] : staged.changes) {
        read_live_words(table_.tile(index), words_, tile_changes);
        const Digest change = digest_change(table_, index, tile_changes);
        after += change;
        staged.tiles.emplace_back(index, tile_digests_[index]);
        staged.tiles.back().second += change;
    }
    if (after != record.digest) {
        return Error{Fault::wrong_base,
                     fmt::format("live words and delta give digest {}, version {} has {}",
                                 after.hex(), record.version, record.digest.hex())};
    }
    if (lists_an_unchanged_word(staged.changes)) {
        return Error{Fault::corrupt, fmt::format("delta to version {} lists a word that does not "
                                                 "change",
                                                 record.version)};
    }
    return staged;
}

Result<StagedVersion> Replica::stage_anchor(const Record& record, Bytes next) const {
    require(next.size() >= table_.layout().size_bytes(), "next is the table's flat buffer");
    if (record.layout_hash != table_.layout_hash()) {
        return Error{Fault::wrong_base, fmt::format("version {} is of other arrays (layout {})",
                                                    record.version, record.layout_hash)};
    }
    const std::vector<Digest> tiles = digest_tiles(table_, next);
    const Digest digest = sum(tiles);
    if (digest != record.digest) {
        return Error{Fault::corrupt,
                     fmt::format("anchor of version {} has digest {}, not {}", record.version,
                                 digest.hex(), record.digest.hex())};
    }
    StagedVersion staged{.record = record,
                         .changes = {},
                         .next = std::move(next),
                         .tiles = {},
                         .from_version = version_};
    // All tiles: where live memory was damaged into the right words, only its digest is to change.
    for (std::size_t tile = 0; tile < tiles.size(); ++tile) {
        staged.tiles.emplace_back(tile, tiles[tile]);
    }
    return staged;
}

void Replica::write(const StagedVersion& staged, std::span<std::byte> words) const {
    patch(table_, staged.changes, words);
    if (!staged.next.empty()) copy_arrays(table_.layout(), staged.next, words);
}

void Replica::prepare(const StagedVersion& staged) {
    require(staged.from_version == version_, "what is prepared was staged from what is live");
    if (!spare_.empty()) write(staged, spare_);
}

void Replica::follow_up(const StagedVersion& staged) {
    require(staged.record.version == version_, "what is followed up is live");
    if (!spare_.empty()) write(staged, spare_);
}

void Replica::commit(const StagedVersion& staged) {
    require(staged.from_version == version_, "what is committed was staged from what is live");
    if (spare_.empty())
        write(staged, words_);
    else
        std::swap(words_, spare_);
    for (const auto& [tile, digest] : staged.tiles) tile_digests_[tile] = digest;
    digest_ = staged.record.digest;
    version_ = staged.record.version;
    trainer_step_ = staged.record.trainer_step;
}

Result<Done> Replica::rescan(std::size_t first_tile, std::size_t tiles) const {
    const std::size_t all = tile_digests_.size();
    for (std::size_t step = 0; step < std::min(tiles, all); ++step) {
        const std::size_t index = (first_tile + step) % all;
        if (digest_tile(table_, index, words_) == tile_digests_[index]) continue;
        const Tile tile = table_.tile(index);
        return Error{Fault::corrupt,
                     fmt::format("live memory of array {}, words {} to {}, is not version {}",
                                 table_.layout().specs()[tile.array].name, tile.first_word,
                                 tile.first_word + tile.words - 1, version_)};
    }
    return Done{};
}

}  // namespace dws
