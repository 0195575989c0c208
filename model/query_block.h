// How attention over whole sequences is cut: blocks of queries meet blocks of keys, and memory is
// bounded by the blocks, whatever the length (FlashAttention, Dao et al. 2022, arXiv:2205.14135).
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>

#include "model/block_product.h"

namespace dws {

// Keys of a block. 64 of 128 floats are 32 KiB: they stay in the nearest cache.
inline constexpr std::size_t kBlockKeys = 64;
static_assert(kBlockKeys % kLanes == 0 && kLanes % kTileRows == 0);

// Neighbouring tokens with the query heads of one key head. Its rows are queries, token by token:
// row = (token - first) * group + head of the group.
struct QueryBlock {
    std::size_t first;   // token of the sequence
    std::size_t tokens;  // at least one
    std::size_t group;   // query heads of the key head

    std::size_t rows() const { return tokens * group; }
    // Of a row, or of one that fills up a tile behind the last.
    std::size_t token_of(std::size_t row) const {
        return first + std::min(row / group, tokens - 1);
    }
    // Keys of the block from first_key on that the row's token meets: the causal mask.
    std::size_t visible(std::size_t row, std::size_t first_key) const {
        const std::size_t token = token_of(row);
        return token < first_key ? 0 : std::min(kBlockKeys, token - first_key + 1);
    }
    // The first row that meets the key.
    std::size_t first_row_of(std::size_t key) const {
        return key <= first ? 0 : (key - first) * group;
    }
};

// Tokens of blocks of about so many rows: a power of two, so that blocks of queries and of keys
// begin and end together or lie in each other, and no row of a tile is without keys.
inline std::size_t block_tokens(std::size_t rows, std::size_t group) {
    return std::bit_floor(std::max(rows / group, std::size_t{1}));
}

}  // namespace dws
