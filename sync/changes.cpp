#include "sync/changes.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "base/require.h"
#include "sync/parallel.h"
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

// How many changes ahead their cache lines are asked for: 128 of them fit L1 and take longer to
// write than memory takes to answer.
constexpr std::size_t kChangesAhead = 128;

// Asks for reading, into L2: asking for writing takes a fourth longer
// (experiments/bench_codec.cpp).
void prefetch(const std::byte* word) { __builtin_prefetch(word, 0, 2); }

template <class Word>
void prefetch_first(const TileChanges& changes, const std::byte* words) {
    const std::size_t count = std::min(kChangesAhead, changes.size());
    for (std::size_t change = 0; change < count; ++change) {
        prefetch(words + changes.positions[change] * sizeof(Word));
    }
}

// The first kChangesAhead lines have been asked for.
template <class Word>
void patch_tile(const TileChanges& changes, std::byte* words) {
    const std::uint16_t* positions = changes.positions.data();
    const std::uint32_t* after = changes.after.data();
    const auto store = [&](std::size_t change) {
        store_word(words + positions[change] * sizeof(Word), static_cast<Word>(after[change]));
    };
    std::size_t change = 0;
    for (; change + kChangesAhead < changes.size(); ++change) {
        prefetch(words + positions[change + kChangesAhead] * sizeof(Word));
        store(change);
    }
    for (; change < changes.size(); ++change) store(change);
}

// Tiles that a thread takes at once.
constexpr std::size_t kPieceTiles = 64;

// Every kPieceTiles-th entry, and the end.
std::vector<Changes::const_iterator> piece_starts(const Changes& changes) {
    std::vector<Changes::const_iterator> starts;
    std::size_t index = 0;
    for (auto entry = changes.begin(); entry != changes.end(); ++entry) {
        if (index++ % kPieceTiles == 0) starts.push_back(entry);
    }
    starts.push_back(changes.end());
    return starts;
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

void patch(const ArrayTable& table, const Changes& changes, std::span<std::byte> words,
           std::size_t threads) {
    require(words.size() >= table.layout().size_bytes(), "words is the table's flat buffer");
    const auto visit = [&](const Changes::value_type& entry, auto work) {
        const auto& [index, tile_changes] = entry;
        const Tile tile = table.tile(index);
        if (tile_changes.size() == 0) return;
        require(tile_changes.positions.back() < tile.words, "positions fit their tile, ascending");
        with_word_type(tile.word_bytes, [&](auto type) {
            work(type, tile_changes, words.data() + tile.offset_bytes);
        });
    };
    const auto prefetch_entry = [&](const Changes::value_type& entry) {
        visit(entry, [](auto type, const TileChanges& tile_changes, const std::byte* from) {
            prefetch_first<decltype(type)>(tile_changes, from);
        });
    };
    const auto patch_range = [&](Changes::const_iterator first, Changes::const_iterator last) {
        if (first != last) prefetch_entry(*first);
        for (auto entry = first; entry != last; ++entry) {
            if (const auto next = std::next(entry); next != last) prefetch_entry(*next);
            visit(*entry, [](auto type, const TileChanges& tile_changes, std::byte* to) {
                patch_tile<decltype(type)>(tile_changes, to);
            });
        }
    };
    const std::vector<Changes::const_iterator> starts = piece_starts(changes);
    for_each_piece(threads, starts.size() - 1, [&](std::size_t, std::size_t piece) {
        patch_range(starts[piece], starts[piece + 1]);
    });
}

}  // namespace dws
