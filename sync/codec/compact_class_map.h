// Which words of a tile belong to which class, so that positions can be counted within a class.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sync/codec/compact_kernels.h"

namespace dws {

// words: (words * word_bytes,) of one tile.
void map_classes(const CompactKernels& kernels, std::span<const std::byte> words,
                 std::size_t word_bytes, const ExponentClasses& classes, ClassMap& map);

// For a caller that has classified all whole blocks itself: the words behind them, and the ranks.
void finish_map(const CompactKernels& kernels, std::span<const std::byte> words,
                std::size_t word_bytes, const ExponentClasses& classes, ClassMap& map);

// How many words of the class stand before this position.
inline std::uint32_t rank_in_class(const ClassMap& map, std::size_t index, std::size_t position) {
    const std::size_t block = position / kBlockWords;
    const std::uint64_t before = (std::uint64_t{1} << (position % kBlockWords)) - 1;
    return map.ranks[index][block] +
           static_cast<std::uint32_t>(std::popcount(map.bits[index][block] & before));
}

}  // namespace dws
