#include "model/amx_skinny.h"

#include <omp.h>

#include <algorithm>
#include <cstring>

#include "model/amx_kernels.h"
#include "model/amx_results.h"

namespace dws {
namespace {

// Up to 32 outputs, all of one matrix.
struct OutputBlock {
    const Bf16* words;  // (outputs, inputs)
    std::size_t outputs;
    std::size_t first;  // output of the stack
};

OutputBlock block_at(std::span<const WeightMatrix> weights, std::size_t inputs, std::size_t index) {
    std::size_t first = 0;
    for (const WeightMatrix& matrix : weights) {
        const std::size_t rows = static_cast<std::size_t>(matrix.rows);
        const std::size_t row = index * kPanelEdge;
        if (row < rows) {
            return {matrix.words + row * inputs, std::min(kPanelEdge, rows - row), first + row};
        }
        index -= (rows + kPanelEdge - 1) / kPanelEdge;
        first += rows;
    }
    return {nullptr, 0, first};
}

std::size_t blocks_of(std::span<const WeightMatrix> weights) {
    std::size_t blocks = 0;
    for (const WeightMatrix& matrix : weights) {
        blocks += (static_cast<std::size_t>(matrix.rows) + kPanelEdge - 1) / kPanelEdge;
    }
    return blocks;
}

// The work of one thread.
class SkinnyProduct {
public:
    SkinnyProduct(const float* x, float* y, std::size_t rows, std::size_t inputs,
                  std::size_t outputs, bool adds, AmxThreadBuffers& buffers)
        : y_(y),
          rows_(rows),
          inputs_(inputs),
          steps_((inputs + kPanelEdge - 1) / kPanelEdge),
          outputs_(outputs),
          adds_(adds),
          buffers_(buffers) {
        const std::size_t tiles = (rows + kTileEdge - 1) / kTileEdge;
        panels_ = buffers.panels.reach(tiles * steps_ * kTileWords);
        for (std::size_t tile = 0; tile < tiles; ++tile) pack(x, tile);
    }

    void run(const OutputBlock& block) const {
        const bool is_whole = block.outputs == kPanelEdge && inputs_ % kPanelEdge == 0;
        const Bf16* const words = is_whole ? block.words : padded(block);
        const std::size_t stride = is_whole ? inputs_ : steps_ * kPanelEdge;
        for (std::size_t row = 0; row < rows_; row += kPanelEdge) {
            const std::size_t tiles = tiles_at(row);
            alignas(64) float totals[4 * kTileTotals];
            multiply_words(words, stride, panels_ + row * steps_ * kPanelEdge, steps_, tiles,
                           totals);
            for (std::size_t tile = 0; tile < 2 * tiles; ++tile) {
                put(block, tile / tiles * kTileEdge, row + tile % tiles * kTileEdge,
                    totals + tile * kTileTotals);
            }
        }
    }

private:
    // Of the panel that begins at this row.
    std::size_t tiles_at(std::size_t row) const { return rows_ - row > kTileEdge ? 2 : 1; }

    void pack(const float* x, std::size_t tile) const {
        const std::size_t row = tile * kTileEdge;
        const std::size_t panel_row = row / kPanelEdge * kPanelEdge;
        const std::size_t tiles = tiles_at(panel_row);
        Bf16* const to =
            panels_ + panel_row * steps_ * kPanelEdge + (row - panel_row) / kTileEdge * kTileWords;
        for (std::size_t step = 0; step < steps_; ++step) {
            const std::size_t column = step * kPanelEdge;
            pack_right_tile({x + row * inputs_ + column, inputs_, std::min(kTileEdge, rows_ - row),
                             std::min(kPanelEdge, inputs_ - column)},
                            to + step * tiles * kTileWords);
        }
    }

    // With zeros up to 32 outputs and whole steps.
    const Bf16* padded(const OutputBlock& block) const {
        const std::size_t stride = steps_ * kPanelEdge;
        Bf16* const to = buffers_.words.reach(kPanelEdge * stride);
        std::fill_n(to, kPanelEdge * stride, Bf16{0});
        for (std::size_t output = 0; output < block.outputs; ++output) {
            std::memcpy(to + output * stride, block.words + output * inputs_,
                        inputs_ * sizeof(Bf16));
        }
        return to;
    }

    // totals: (16 outputs, 16 rows) from these on.
    void put(const OutputBlock& block, std::size_t output, std::size_t row, float* totals) const {
        if (output >= block.outputs) return;
        transpose_totals(totals);
        const std::size_t columns = std::min(kTileEdge, block.outputs - output);
        for (std::size_t i = 0; i < std::min(kTileEdge, rows_ - row); ++i) {
            put_row(totals + i * kTileEdge, columns, adds_,
                    y_ + (row + i) * outputs_ + block.first + output);
        }
    }

    float* y_;
    std::size_t rows_, inputs_, steps_, outputs_;
    bool adds_;
    AmxThreadBuffers& buffers_;
    Bf16* panels_;  // by 32 rows: (steps, 1 or 2 tiles, kTileWords)
};

}  // namespace

void skinny_amx_matmul(const float* x, std::span<const WeightMatrix> weights, float* y,
                       std::size_t rows, std::size_t inputs, Sum sum, AmxBuffers& buffers,
                       int threads) {
    const std::size_t blocks = blocks_of(weights);
    const std::size_t outputs = block_at(weights, inputs, blocks).first;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        const AmxTiles tiles;
        const SkinnyProduct product(
            x, y, rows, inputs, outputs, sum == Sum::kAdd,
            buffers.of_thread[static_cast<std::size_t>(omp_get_thread_num())]);
#pragma omp for schedule(static)
        for (std::size_t block = 0; block < blocks; ++block) {
            product.run(block_at(weights, inputs, block));
        }
    }
}

}  // namespace dws
