#include "model/skinny_matmul.h"

#include <vector>

#include "model/lanes.h"

namespace dws {
namespace {

// kLanes dot products at a time, so that their sums across lanes fold into one vector.
constexpr std::size_t kTileRows = 4;
constexpr std::size_t kTileOutputs = kLanes / kTileRows;

// rows: 1..kTileRows of x. weights: (kTileOutputs, stride) fp32, zeros past `inputs`.
template <std::size_t Rows>
Lanes tile(const float* x, std::size_t inputs, const float* weights, std::size_t stride) {
    Lanes totals[kLanes] = {};
    std::size_t k = 0;
    for (; k + kLanes <= inputs; k += kLanes) {
        for (std::size_t output = 0; output < kTileOutputs; ++output) {
            const Lanes weight = load(weights + output * stride + k);
            for (std::size_t row = 0; row < Rows; ++row) {
                totals[row * kTileOutputs + output] += load(x + row * inputs + k) * weight;
            }
        }
    }
    if (k < inputs) {
        for (std::size_t row = 0; row < Rows; ++row) {
            const Lanes rest = load_part(x + row * inputs + k, inputs - k);
            for (std::size_t output = 0; output < kTileOutputs; ++output) {
                totals[row * kTileOutputs + output] += rest * load(weights + output * stride + k);
            }
        }
    }
    return sums_of(totals);
}

Lanes tile_of(std::size_t rows, const float* x, std::size_t inputs, const float* weights,
              std::size_t stride) {
    switch (rows) {
        case 1:
            return tile<1>(x, inputs, weights, stride);
        case 2:
            return tile<2>(x, inputs, weights, stride);
        case 3:
            return tile<3>(x, inputs, weights, stride);
        default:
            return tile<4>(x, inputs, weights, stride);
    }
}

void widen_rows(const Bf16* words, std::size_t rows, std::size_t inputs, float* wide,
                std::size_t stride) {
    for (std::size_t row = 0; row < rows; ++row) {
        const Bf16* from = words + row * inputs;
        float* to = wide + row * stride;
        for (std::size_t k = 0; k < inputs; ++k) to[k] = from_bf16(from[k]);
    }
}

}  // namespace

void skinny_matmul(const float* x, const WeightMatrix& matrix, float* y, int rows, int inputs,
                   int y_stride, Sum sum, int threads) {
    const std::size_t total_rows = static_cast<std::size_t>(rows);
    const std::size_t width = static_cast<std::size_t>(inputs);
    const std::size_t y_width = static_cast<std::size_t>(y_stride);
    const std::size_t outputs = static_cast<std::size_t>(matrix.rows);
    const std::size_t stride = round_up_to_lanes(width);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        std::vector<float> wide(kTileOutputs * stride, 0.0f);
#pragma omp for schedule(static)
        for (std::size_t first = 0; first < outputs; first += kTileOutputs) {
            const std::size_t count = std::min(kTileOutputs, outputs - first);
            widen_rows(matrix.words + first * width, count, width, wide.data(), stride);
            for (std::size_t row = 0; row < total_rows; row += kTileRows) {
                const std::size_t tile_rows = std::min(kTileRows, total_rows - row);
                const Lanes results =
                    tile_of(tile_rows, x + row * width, width, wide.data(), stride);
                float numbers[kLanes];
                store(numbers, results);
                for (std::size_t r = 0; r < tile_rows; ++r) {
                    float* to = y + (row + r) * y_width + first;
                    const float* from = numbers + r * kTileOutputs;
                    for (std::size_t output = 0; output < count; ++output) {
                        to[output] = from[output] + (sum == Sum::kAdd ? to[output] : 0.0f);
                    }
                }
            }
        }
    }
}

}  // namespace dws
