#include "sync/replica.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/require.h"
#include "sync/parallel.h"
#include "sync/words.h"

namespace dws {

namespace {

// Fills `before` with the live words at the changed positions.
void read_live_words(const Tile& tile, std::span<const std::byte> words, TileChanges& changes) {
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

bool lists_an_unchanged_word(const TileChanges& changes) {
    for (std::size_t index = 0; index < changes.size(); ++index) {
        if (changes.before[index] == changes.after[index]) return true;
    }
    return false;
}

// Tile by tile: what stands between arrays is nobody's.
void copy_arrays(const ArrayTable& table, std::span<const std::byte> from, std::span<std::byte> to,
                 std::size_t threads) {
    for_each_piece(threads, table.tiles(), [&](std::size_t, std::size_t index) {
        const Tile tile = table.tile(index);
        const auto source = from.subspan(tile.offset_bytes, tile.words * tile.word_bytes);
        std::ranges::copy(source, to.begin() + static_cast<std::ptrdiff_t>(tile.offset_bytes));
    });
}

}  // namespace

Replica::Replica(const ArrayTable& table, std::span<std::byte> words, std::span<std::byte> spare,
                 ReplicaThreads threads)
    : table_(table),
      words_(words),
      spare_(spare),
      threads_(threads),
      tile_digests_(digest_tiles(table, words, threads.staging)) {
    const std::size_t size = table.layout().size_bytes();
    require(words.size() >= size, "words is the table's flat buffer");
    require(spare.empty() || spare.size() >= size, "the spare copy is as large");
    if (!spare_.empty()) copy_arrays(table, words, spare_, threads_.staging);
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
    std::vector<Changes::value_type*> entries;
    for (Changes::value_type& entry : staged.changes) entries.push_back(&entry);
    staged.tiles.resize(entries.size());
    std::atomic<bool> all_change = true;
    for_each_piece(threads_.staging, entries.size(), [&](std::size_t, std::size_t place) {
        auto& [index, tile_changes] = *entries[place];
        const Tile tile = table_.tile(index);
        require(tile_changes.size() == 0 || tile_changes.positions.back() < tile.words,
                "decoders admit no position past the end");
        if (tile_changes.before.empty()) read_live_words(tile, words_, tile_changes);
        staged.tiles[place] = {index, digest_change(table_, index, tile_changes)};
        if (lists_an_unchanged_word(tile_changes)) all_change = false;
    });
    Digest after = digest_;
    for (auto& [index, tile_digest] : staged.tiles) {
        after += tile_digest;
        tile_digest += tile_digests_[index];
    }
    if (after != record.digest) {
        return Error{Fault::wrong_base,
                     fmt::format("live words and delta give digest {}, version {} has {}",
                                 after.hex(), record.version, record.digest.hex())};
    }
    if (!all_change) {
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
    const std::vector<Digest> tiles = digest_tiles(table_, next, threads_.staging);
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

void Replica::write(const StagedVersion& staged, std::span<std::byte> words,
                    std::size_t threads) const {
    patch(table_, staged.changes, words, threads);
    if (!staged.next.empty()) copy_arrays(table_, staged.next, words, threads);
}

void Replica::prepare(const StagedVersion& staged) {
    require(staged.from_version == version_, "what is prepared was staged from what is live");
    if (!spare_.empty()) write(staged, spare_, threads_.staging);
}

void Replica::follow_up(const StagedVersion& staged) {
    require(staged.record.version == version_, "what is followed up is live");
    if (!spare_.empty()) write(staged, spare_, threads_.staging);
}

void Replica::commit(const StagedVersion& staged) {
    require(staged.from_version == version_, "what is committed was staged from what is live");
    if (spare_.empty())
        write(staged, words_, threads_.pause);
    else
        std::swap(words_, spare_);
    for (const auto& [tile, digest] : staged.tiles) tile_digests_[tile] = digest;
    digest_ = staged.record.digest;
    version_ = staged.record.version;
    trainer_step_ = staged.record.trainer_step;
}

Result<Done> Replica::rescan(std::size_t first_tile, std::size_t tiles) const {
    const std::size_t all = tile_digests_.size();
    const std::size_t count = std::min(tiles, all);
    std::atomic<std::size_t> first_wrong{count};  // in the order of the scan
    for_each_piece(threads_.staging, count, [&](std::size_t, std::size_t step) {
        if (step > first_wrong) return;
        const std::size_t index = (first_tile + step) % all;
        if (digest_tile(table_, index, words_) == tile_digests_[index]) return;
        std::size_t seen = first_wrong;
        while (step < seen && !first_wrong.compare_exchange_weak(seen, step)) {
        }
    });
    if (first_wrong == count) return Done{};
    const Tile tile = table_.tile((first_tile + first_wrong) % all);
    return Error{Fault::corrupt,
                 fmt::format("live memory of array {}, words {} to {}, is not version {}",
                             table_.layout().specs()[tile.array].name, tile.first_word,
                             tile.first_word + tile.words - 1, version_)};
}

}  // namespace dws
