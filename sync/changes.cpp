#include "sync/changes.h"

#include <cstring>
#include <utility>

#include "base/require.h"
#include "sync/words.h"

namespace dws {

namespace {

// base, next: (words,) of one tile.
template <class Word>
TileChanges diff_tile(const std::byte* base, const std::byte* next, std::size_t words) {
    TileChanges found;
    for (std::size_t position = 0; position < words; ++position) {
        const Word before = load_word<Word>(base + position * sizeof(Word));
        const Word after = load_word<Word>(next + position * sizeof(Word));
        if (before == after) continue;
        found.positions.push_back(static_cast<std::uint16_t>(position));
        found.before.push_back(before);
        found.after.push_back(after);
    }
    return found;
}

template <class Word>
void patch_tile(const TileChanges& changes, std::byte* words) {
    for (std::size_t change = 0; change < changes.size(); ++change) {
        store_word(words + changes.positions[change] * sizeof(Word),
                   static_cast<Word>(changes.after[change]));
    }
}

}  // namespace

std::uint64_t count(const Changes& changes) {
    std::uint64_t words = 0;
    for (const auto& [tile, tile_changes] : changes) words += tile_changes.size();
    return words;
}

Changes diff(const ArrayTable& table, std::span<const std::byte> base,
             std::span<const std::byte> next) {
    require(base.size() >= table.layout().size_bytes(), "base is the table's flat buffer");
    require(next.size() >= table.layout().size_bytes(), "next is the table's flat buffer");
    Changes changes;
    for (std::size_t index = 0; index < table.tiles(); ++index) {
        const Tile tile = table.tile(index);
        const std::byte* from = base.data() + tile.offset_bytes;
        const std::byte* to = next.data() + tile.offset_bytes;
        if (std::memcmp(from, to, tile.words * tile.word_bytes) == 0) continue;
        changes.emplace_hint(changes.end(), index, with_word_type(tile.word_bytes, [&](auto type) {
                                 return diff_tile<decltype(type)>(from, to, tile.words);
                             }));
    }
    return changes;
}

void patch(const ArrayTable& table, const Changes& changes, std::span<std::byte> words) {
    require(words.size() >= table.layout().size_bytes(), "words is the table's flat buffer");
    for (const auto& [index, tile_changes] : changes) {
        const Tile tile = table.tile(index);
        if (tile_changes.size() == 0) continue;
        require(tile_changes.positions.back() < tile.words, "positions fit their tile, ascending");
        with_word_type(tile.word_bytes, [&](auto type) {
            patch_tile<decltype(type)>(tile_changes, words.data() + tile.offset_bytes);
        });
    }
}

}  // namespace dws
