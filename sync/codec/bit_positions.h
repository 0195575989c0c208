// Where the set bits of a bitmap are. The loop stores four positions without asking how many there
// are: at one change in a hundred words a branch on each would be guessed wrong half of the time.
//
// Internal linkage: files that may use newer instructions than the rest keep their own copy.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dws {

// How far past the last position store_set_bits() may write.
inline constexpr std::size_t kPositionSlack = 64;

namespace {

// Stores the positions of word's set bits, each plus `first`, at `to`; returns how many.
template <class Position>
inline std::size_t store_set_bits(std::uint64_t word, std::size_t first, Position* to) {
    const auto count = static_cast<std::size_t>(__builtin_popcountll(word));
    for (std::size_t stored = 0; stored == 0 || stored < count; stored += 4) {
        for (std::size_t index = stored; index < stored + 4; ++index) {
            const auto lowest = static_cast<std::size_t>(word != 0 ? __builtin_ctzll(word) : 0);
            to[index] = static_cast<Position>(first + lowest);
            word &= word - 1;
        }
    }
    return count;
}

}  // namespace

}  // namespace dws
