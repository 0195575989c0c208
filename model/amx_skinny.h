// y = x W^T of few rows on the matrix unit, as generation makes them: each weight is read from
// memory once, as a tile of the row-major words, by one thread. That reading is what it costs.
#pragma once

#include <span>

#include "model/amx_buffers.h"
#include "model/backend.h"

namespace dws {

// x: (rows, inputs). y: (rows, outputs).
void skinny_amx_matmul(const float* x, std::span<const WeightMatrix> weights, float* y,
                       std::size_t rows, std::size_t inputs, Sum sum, AmxBuffers& buffers,
                       int threads);

}  // namespace dws
