#include "sync/ranks/shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sync/codec/compact_tile_encoder.h"

namespace dws {
namespace {

bool begins_array(const ArrayTable& table, std::size_t tile) {
    return tile == table.tiles() || table.tile(tile).first_word == 0;
}

// Collects tiles, ascending, and hands on a file once it is full.
class ShardFiles {
public:
    ShardFiles(const ArrayTable& table, const CompactVersions& versions, std::size_t file_bytes,
               const FileSink& sink)
        : table_(table), versions_(versions), file_bytes_(file_bytes), sink_(sink) {}

    // False when the sink has stopped.
    bool add(std::size_t index, const TileChanges& changes) {
        if (body_.lengths.empty()) body_.first_tile = index;
        body_.lengths.resize(index - body_.first_tile + 1, 0);  // untouched tiles between: 0
        const Tile tile = table_.tile(index);
        const std::size_t start = body_.tiles.size();
        body_.changed_words +=
            encoder_.encode_flat(changes, tile.words, tile.word_bytes, body_.tiles);
        body_.lengths.back() = static_cast<std::uint32_t>(body_.tiles.size() - start);
        return body_.tiles.size() < file_bytes_ || flush();
    }
    bool finish() { return body_.lengths.empty() || flush(); }

private:
    // The body goes before the sink is asked: it may wait, and only the file is in memory then.
    bool flush() {
        Bytes file = write_compact_file(table_, versions_, no_classes_, {&body_, 1});
        body_ = CompactBody{};
        return sink_(std::move(file));
    }

    const ArrayTable& table_;
    const CompactVersions versions_;
    const std::size_t file_bytes_;
    const FileSink& sink_;
    const ClassTable no_classes_;
    TileEncoder encoder_{CompactMode::flat};
    CompactBody body_;  // of the file in the making
};

}  // namespace

std::vector<ShardRange> even_shards(const ArrayTable& table, std::size_t ranks) {
    std::vector<ShardRange> shards;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
        const std::size_t first = table.tiles() * rank / ranks;
        shards.push_back({first, table.tiles() * (rank + 1) / ranks - first});
    }
    return shards;
}

std::string shards_fault(const ArrayTable& table, std::span<const ShardRange> shards,
                         Encoding encoding) {
    std::vector<ShardRange> ordered(shards.begin(), shards.end());
    std::erase_if(ordered, [](const ShardRange& shard) { return shard.tiles == 0; });
    std::ranges::sort(ordered, {}, &ShardRange::first_tile);
    std::size_t next = 0;
    for (const ShardRange& shard : ordered) {
        if (shard.first_tile != next)
            return fmt::format("the shards leave out or repeat tile {}",
                               std::min(next, shard.first_tile));
        if (shard.tiles > table.tiles() - next)
            return fmt::format("a shard ends after the last of {} tiles", table.tiles());
        if (!is_compact(encoding) && !begins_array(table, next))
            return fmt::format(
                "a shard begins at tile {}, inside an array: the interchange encodings "
                "do not divide arrays, a compact one does",
                next);
        next += shard.tiles;
    }
    if (next != table.tiles()) return fmt::format("the shards leave out tile {}", next);
    return {};
}

bool encode_shard(const ArrayTable& table, const Changes& changes, const CompactVersions& versions,
                  Encoding encoding, std::size_t file_bytes, const FileSink& sink) {
    if (changes.empty()) return true;
    if (!is_compact(encoding))
        return encode_delta(table, changes, versions.version, encoding, file_bytes, sink);
    ShardFiles files(table, versions, file_bytes, sink);
    for (const auto& [tile, tile_changes] : changes)
        if (tile_changes.size() > 0 && !files.add(tile, tile_changes)) return false;
    return files.finish();
}

}  // namespace dws
