// The three products against plain loops in double, on both sides of the size at which another
// implementation takes over.
#include <gtest/gtest.h>

#include "model/backend.h"
#include "tests/model/golden_model.h"
#include "tests/model/random_product.h"

namespace dws {
namespace {

std::vector<RandomProduct> products() {
    return {{1, 64, {64, 32, 32}}, {3, 37, {5}},    {5, 16, {1, 2, 3}},
            {128, 64, {192, 192}}, {48, 192, {64}}, {49, 64, {64, 32, 32}},
            {300, 20, {27, 27}},   {2, 3, {7}},     {9, 300, {33}}};
}

TEST(Matmul, IsTheProductWithTheTransposedStack) {
    for (const RandomProduct& p : products()) {
        const std::vector<float> expected = p.forward();
        for (const int threads : {1, 3}) {
            std::vector<float> y(expected.size(), -5.0f);
            make_cpu_backend(threads)->matmul(p.x.data(), p.stack(), y.data(), p.rows, p.inputs,
                                              Sum::kOverwrite);
            EXPECT_LT(relative_error(y, expected), 1e-5) << p.rows << " x " << p.inputs;
        }
    }
}

TEST(Matmul, AddsToWhatIsThere) {
    for (const RandomProduct& p : products()) {
        const std::vector<float> expected = p.forward(1.0f);
        std::vector<float> y(expected.size(), 1.0f);
        make_cpu_backend(1)->matmul(p.x.data(), p.stack(), y.data(), p.rows, p.inputs, Sum::kAdd);
        EXPECT_LT(relative_error(y, expected), 1e-5) << p.rows << " x " << p.inputs;
    }
}

TEST(Matmul, FewRowsGiveEachRowItsOwnBits) {
    const RandomProduct p(11, 50, {9});
    std::vector<float> together(RandomProduct::size(p.rows, p.total));
    make_cpu_backend(1)->matmul(p.x.data(), p.stack(), together.data(), p.rows, p.inputs,
                                Sum::kOverwrite);
    for (int row = 0; row < p.rows; ++row) {
        std::vector<float> alone(static_cast<std::size_t>(p.total));
        make_cpu_backend(2)->matmul(p.x.data() + row * p.inputs, p.stack(), alone.data(), 1,
                                    p.inputs, Sum::kOverwrite);
        const auto first = together.begin() + row * p.total;
        EXPECT_EQ(alone, std::vector<float>(first, first + p.total)) << row;
    }
}

TEST(Matmul, InputGradientIsTheProductWithTheStack) {
    for (const RandomProduct& p : products()) {
        const std::vector<float> expected = p.input_gradient();
        std::vector<float> dx(expected.size(), -5.0f);
        make_cpu_backend(2)->matmul_input_gradient(p.dy.data(), p.stack(), dx.data(), p.rows,
                                                   p.inputs, Sum::kOverwrite);
        EXPECT_LT(relative_error(dx, expected), 1e-5) << p.rows << " x " << p.inputs;
    }
}

TEST(Matmul, WeightGradientAddsToEachMatrixOfTheStack) {
    for (const RandomProduct& p : products()) {
        const std::vector<float> expected = p.weight_gradient(1.0f);
        std::vector<float> gradients(expected.size(), 1.0f);
        make_cpu_backend(2)->matmul_weight_gradient(p.dy.data(), p.x.data(),
                                                    p.gradient_stack(gradients), p.rows, p.inputs);
        EXPECT_LT(relative_error(gradients, expected), 1e-5) << p.rows << " x " << p.inputs;
    }
}

TEST(MatmulDeath, ABackendHasAThread) { EXPECT_DEATH(make_cpu_backend(0), "thread"); }

}  // namespace
}  // namespace dws
