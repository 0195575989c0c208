// The loops of the compact codec that read every word of a tile. They exist three times (portable,
// AVX2, AVX-512), say the same bit for bit, and are chosen when the program runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sync/codec/compact_format.h"

namespace dws {

inline constexpr std::size_t kBlockWords = 64;  // one bit each in a 64-bit word of a bitmap
inline constexpr std::size_t kTileBlocks = kTileWords / kBlockWords;

// Classes are written side by side: without this cache line between them they would share the few
// places that L1 has for addresses 8 KiB apart.
inline constexpr std::size_t kPaddingBlocks = 8;

// Whole tiles may be read in this many places at once: each is another page, and the processor
// fetches ahead in all of them.
inline constexpr std::size_t kTileStreams = 4;

// Everything about a tile's words that positions among classes need.
struct ClassMap {
    // [class][block]: which words of the block belong to the class.
    alignas(64) std::uint64_t bits[kMaxThresholds][kTileBlocks + kPaddingBlocks];
    // [class][block]: words of the class in the blocks before.
    alignas(64) std::uint16_t ranks[kMaxThresholds][kTileBlocks];
    std::uint32_t members[kMaxThresholds];
};

struct CompactKernels {
    const char* name;
    // word_bytes: 1, 2 or 4. All read whole blocks of 64 words.
    // Stores which words differ, ascending, counted from `first`; returns how many. positions: room
    // for all words and kPositionSlack.
    std::size_t (*find_changes)(const std::byte* before, const std::byte* after,
                                std::size_t word_bytes, std::size_t blocks, std::size_t first,
                                std::uint16_t* positions);
    // Fills map.bits from first_block on.
    void (*classify)(const std::byte* words, std::size_t word_bytes, std::size_t first_block,
                     std::size_t blocks, const ExponentClasses& classes, ClassMap& map);
    // Both over a tile's first blocks, in one pass where that is faster.
    std::size_t (*find_and_classify)(const std::byte* before, const std::byte* after,
                                     std::size_t word_bytes, std::size_t blocks,
                                     const ExponentClasses& classes, ClassMap& map,
                                     std::uint16_t* positions);
    // Fills map.ranks and map.members of the first `classes` classes from map.bits. Blocks past
    // the tile's end get the members as their rank: select() reads them.
    void (*rank)(std::size_t blocks, std::size_t classes, ClassMap& map);
    // ranks: (count,) ascending, below the class's members. positions: (count,) of those words.
    void (*select)(const std::uint64_t* bits, const std::uint16_t* block_ranks,
                   const std::uint32_t* ranks, std::size_t count, std::uint16_t* positions);
};

// What this machine can run, slowest first; never empty.
std::span<const CompactKernels* const> runnable_compact_kernels();
// The fastest of them.
const CompactKernels& compact_kernels();

extern const CompactKernels kPortableCompactKernels;
extern const CompactKernels kAvx2CompactKernels;
extern const CompactKernels kAvx512CompactKernels;

}  // namespace dws
