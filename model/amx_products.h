// bf16 products on Intel's matrix unit: large ones in blocks, those of few rows straight from the
// row-major weights. Made by make_bf16_products() where the unit is.
#pragma once

#include <vector>

#include "model/amx_buffers.h"
#include "model/bf16_products.h"

namespace dws {

class AmxProducts final : public Bf16Products {
public:
    explicit AmxProducts(int threads) : threads_(threads), buffers_(threads) {}

    void matmul(const float* x, std::span<const WeightMatrix> weights, float* y, int rows,
                int inputs, Sum sum) override;
    void input_gradient(const float* dy, std::span<const WeightMatrix> weights, float* dx, int rows,
                        int inputs, Sum sum) override;
    void weight_gradient(const float* dy, const float* x, std::span<const GradientMatrix> gradients,
                         int rows, int inputs) override;

private:
    void list_rows(std::span<const WeightMatrix> weights, std::size_t inputs);

    int threads_;
    AmxBuffers buffers_;
    // Where each row of the stack lies; behind them rows of zeros, to a multiple of 32.
    std::vector<const Bf16*> weight_rows_;
    std::vector<float*> gradient_rows_;
    std::vector<Bf16> zeros_;
};

}  // namespace dws
