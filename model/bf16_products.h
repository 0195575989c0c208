// The three matrix products with both operands rounded to bf16 (nearest, ties to even; denormals
// count as zero), sums in fp32. Ours for the order below, which a library does not promise, and
// because oneDNN 2.6.3 reaches 60 % of read bandwidth where few rows meet a large matrix; these
// reach 84 to 87 % up to 16 rows (Qwen3-0.6B's 1.19 GB, two threads of an Emerald Rapids).
//
// One order of additions for all of y = x W^T: from zero, 32 columns of k at a time, ascending;
// with kAdd that total is added to y at the end. So a row's result has the same bits whatever rows
// stand beside it, and generating a token gives the bits that training on it gives.
//
// Shapes and meaning are those of Backend; one thread calls at a time. rows: at least 1.
#pragma once

#include <memory>
#include <span>

#include "model/backend.h"

namespace dws {

class Bf16Products {
public:
    virtual ~Bf16Products() = default;

    virtual void matmul(const float* x, std::span<const WeightMatrix> weights, float* y, int rows,
                        int inputs, Sum sum) = 0;
    virtual void input_gradient(const float* dy, std::span<const WeightMatrix> weights, float* dx,
                                int rows, int inputs, Sum sum) = 0;
    virtual void weight_gradient(const float* dy, const float* x,
                                 std::span<const GradientMatrix> gradients, int rows,
                                 int inputs) = 0;
};

// Whether this processor has a unit for such products and the system lends it.
bool has_bf16_products();
// Null where there is none.
std::unique_ptr<Bf16Products> make_bf16_products(int threads);

}  // namespace dws
