// Products of few rows with a bf16 matrix, as generation makes them: each weight is read once,
// straight from the row-major words.
//
// Our own because oneDNN 2.6.3 has no fp32-by-bf16 product, and widening the weights for its sgemm
// costs more than the product. GFLOP/s on one Emerald Rapids core, ours against widening + sgemm,
// 2048 outputs, 1024 inputs: 17 / 6 with 1 row, 75 / 26 with 8, 108 / 71 with 32; sgemm wins from
// about 64 rows on (86 / 114 with 128).
#pragma once

#include "model/backend.h"

namespace dws {

// y = x W^T, or += with kAdd. x: (rows, inputs). W: (matrix.rows, inputs). y: (rows, matrix.rows)
// with y_stride floats from row to row. A row's result does not depend on the other rows.
void skinny_matmul(const float* x, const WeightMatrix& matrix, float* y, int rows, int inputs,
                   int y_stride, Sum sum, int threads);

}  // namespace dws
