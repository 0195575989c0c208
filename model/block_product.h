// Products of blocks that lie in cache, by one thread: the arithmetic of attention.
//
// 16 sums at a time stay in registers: 8 rows of two vectors with AVX-512, enough for both of its
// multipliers, and each loaded vector serves 8 rows.
#pragma once

#include "model/backend.h"
#include "model/lanes.h"

namespace dws {

inline constexpr std::size_t kTileRows = kLanes == 16 ? 8 : 4;

inline std::size_t round_up_to_tiles(std::size_t rows) {
    return (rows + kTileRows - 1) / kTileRows * kTileRows;
}

struct Block {
    const float* values;
    std::size_t stride;  // of its rows
};

// How a tile of `a` is read: its rows as they lie, or columns as if they were rows.
enum class Reading { kRows, kColumns };

template <Reading A, std::size_t Vectors>
inline void multiply_vectors(const Block& a, const Block& b, std::size_t depth, float* c,
                             std::size_t c_stride, Sum sum) {
    Lanes totals[kTileRows][Vectors] = {};
    for (std::size_t k = 0; k < depth; ++k) {
        Lanes right[Vectors];
        for (std::size_t v = 0; v < Vectors; ++v) {
            right[v] = load(b.values + k * b.stride + v * kLanes);
        }
        for (std::size_t r = 0; r < kTileRows; ++r) {
            const float left =
                A == Reading::kRows ? a.values[r * a.stride + k] : a.values[k * a.stride + r];
            for (std::size_t v = 0; v < Vectors; ++v) totals[r][v] += left * right[v];
        }
    }
    for (std::size_t r = 0; r < kTileRows; ++r) {
        for (std::size_t v = 0; v < Vectors; ++v) {
            float* to = c + r * c_stride + v * kLanes;
            store(to, sum == Sum::kAdd ? load(to) + totals[r][v] : totals[r][v]);
        }
    }
}

// c = a b, or += with kAdd. a: (kTileRows, depth), or with kColumns (depth, kTileRows). b: (depth,
// vectors * kLanes). c: (kTileRows, vectors * kLanes). Each element is one sum over depth, in
// order: its bits do not depend on how blocks are cut along rows or vectors.
template <Reading A>
inline void multiply_tile(const Block& a, const Block& b, std::size_t depth, std::size_t vectors,
                          float* c, std::size_t c_stride, Sum sum) {
    std::size_t v = 0;
    for (; v + 2 <= vectors; v += 2) {
        multiply_vectors<A, 2>(a, {b.values + v * kLanes, b.stride}, depth, c + v * kLanes,
                               c_stride, sum);
    }
    if (v < vectors) {
        multiply_vectors<A, 1>(a, {b.values + v * kLanes, b.stride}, depth, c + v * kLanes,
                               c_stride, sum);
    }
}

}  // namespace dws
