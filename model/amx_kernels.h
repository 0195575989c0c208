// The steps of a bf16 product on Intel's matrix unit (AMX): bring numbers into the order it reads,
// and multiply. Only amx_kernels.cpp holds its instructions; who calls this has asked whether they
// are there (make_bf16_products()). Nothing here allocates.
//
// The unit multiplies tiles of 16 rows of 64 bytes (Intel's Instruction Set Extensions reference,
// TDPBF16PS). Left, row m: 32 words of k. Right, row k/2: for each of 16 n, the words of k and k+1.
// totals[m][n] += left row m times right column n. Both sides enter alike: exchanging them gives
// the transposed totals with the same bits.
//
// A panel is 32 rows of the left (columns of the right) operand over some steps of 32 k: for each
// step two tiles, of the first 16 and the last 16. What is not there is zero.
#pragma once

#include <cstddef>

#include "model/weights.h"

namespace dws {

inline constexpr std::size_t kTileEdge = 16;
inline constexpr std::size_t kPanelEdge = 32;   // also k of one step
inline constexpr std::size_t kTileWords = 512;  // 1 KiB
inline constexpr std::size_t kStepWords = 2 * kTileWords;
inline constexpr std::size_t kTileTotals = 256;  // floats, (16, 16)

// While it lives, this thread's tiles have 16 rows of 64 bytes each.
class AmxTiles {
public:
    AmxTiles();
    ~AmxTiles();
    AmxTiles(const AmxTiles&) = delete;
    AmxTiles& operator=(const AmxTiles&) = delete;
};

// Up to 32 x 32 floats.
struct FloatBlock {
    const float* values;
    std::size_t stride;  // floats from row to row
    std::size_t rows, columns;
};
// One step of a panel, to: (kStepWords,). "rows": a row of the block is an m or n, its columns are
// k; "columns": the other way round.
void pack_left_rows(const FloatBlock& block, Bf16* to);
void pack_left_columns(const FloatBlock& block, Bf16* to);
void pack_right_columns(const FloatBlock& block, Bf16* to);
// One tile, to: (kTileWords,), of up to 16 rows, which are n.
void pack_right_tile(const FloatBlock& block, Bf16* to);

// The same of weights: 32 rows, wherever each lies, from column `first` on, 1 to 32 columns.
void pack_right_rows(const Bf16* const* rows, std::size_t first, std::size_t columns, Bf16* to);
void pack_right_columns(const Bf16* const* rows, std::size_t first, std::size_t columns, Bf16* to);

// totals: (2, 2, 16, 16), by 16 rows of the left and 16 columns of the right; from zero, or on from
// what they hold.
void multiply_panels(const Bf16* left, const Bf16* right, std::size_t steps, bool goes_on,
                     float* totals);

// The left panel is 32 rows of row-major words, read where they are. right: one tile a step when
// right_tiles is 1. totals: (2, right_tiles, 16, 16). Nothing is called in ahead of time: measured,
// every kind of prefetch was slower than the processor's own.
void multiply_words(const Bf16* words, std::size_t stride, const Bf16* right, std::size_t steps,
                    std::size_t right_tiles, float* totals);

// (16, 16), in place.
void transpose_totals(float* totals);

}  // namespace dws
