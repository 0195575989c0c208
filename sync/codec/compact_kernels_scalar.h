// What the three variants of the kernels share: loops over blocks that differ only in the
// instructions the compiler may use. Internal linkage, so that each file keeps its own copy.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "sync/codec/bit_positions.h"
#include "sync/codec/compact_kernels.h"

namespace dws {

namespace {

constexpr std::size_t kGroupBlocks = 32;  // compared at once by select_words()
// Blocks compared and then classified while they are in L1: 2 KiB of bf16.
constexpr std::size_t kChunkBlocks = 16;

template <class Find, class Classify>
std::size_t find_then_classify(Find find_changes, Classify classify, const std::byte* before,
                               const std::byte* after, std::size_t word_bytes, std::size_t blocks,
                               const ExponentClasses& classes, ClassMap& map,
                               std::uint16_t* positions) {
    std::size_t changes = 0;
    for (std::size_t block = 0; block < blocks; block += kChunkBlocks) {
        const std::size_t count = std::min(kChunkBlocks, blocks - block);
        const std::size_t offset = block * kBlockWords * word_bytes;
        changes += find_changes(before + offset, after + offset, word_bytes, count,
                                block * kBlockWords, positions + changes);
        classify(before + offset, word_bytes, block, count, classes, map);
    }
    return changes;
}

inline void rank_blocks(std::size_t blocks, std::size_t classes, ClassMap& map) {
    for (std::size_t index = 0; index < classes; ++index) {
        std::uint32_t members = 0;
        for (std::size_t block = 0; block < blocks; ++block) {
            map.ranks[index][block] = static_cast<std::uint16_t>(members);
            members += static_cast<std::uint32_t>(__builtin_popcountll(map.bits[index][block]));
        }
        map.members[index] = members;
        // Above every rank. 65,536 members, which 16 bits do not hold, leave nothing to fill.
        std::fill(map.ranks[index] + blocks, map.ranks[index] + kTileBlocks,
                  static_cast<std::uint16_t>(members));
    }
}

// select_bit(word, n): position of the set bit with n set bits below it.
template <class SelectBit>
void select_words(const std::uint64_t* bits, const std::uint16_t* block_ranks,
                  const std::uint32_t* ranks, std::size_t count, std::uint16_t* positions,
                  SelectBit select_bit) {
    std::size_t group = 0;  // first block of the group that holds the word
    for (std::size_t index = 0; index < count; ++index) {
        const auto rank = static_cast<std::uint16_t>(ranks[index]);
        while (group + kGroupBlocks < kTileBlocks && block_ranks[group + kGroupBlocks] <= rank) {
            group += kGroupBlocks;
        }
        std::uint16_t started = 0;  // blocks of the group that begin at or before the word
        for (std::size_t lane = 0; lane < kGroupBlocks; ++lane) {
            started = static_cast<std::uint16_t>(started + (block_ranks[group + lane] <= rank));
        }
        const std::size_t block = group + started - 1;
        const unsigned bit = select_bit(bits[block], ranks[index] - block_ranks[block]);
        positions[index] = static_cast<std::uint16_t>(block * kBlockWords + bit);
    }
}

}  // namespace

}  // namespace dws
