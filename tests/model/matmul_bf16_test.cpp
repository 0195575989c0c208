// The three products with operands rounded to bf16: against sums in double of the rounded numbers,
// on both sides of every size at which blocks end, and bit for bit against each other.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "model/bf16_products.h"
#include "tests/model/golden_model.h"
#include "tests/model/random_product.h"

namespace dws {
namespace {

// Products of bf16 numbers are exact in fp32; what is lost is lost in adding. Of the largest
// result.
constexpr double kAddingError = 1e-5;

class MatmulBf16 : public testing::Test {
protected:
    void SetUp() override {
        if (make_bf16_products(1) == nullptr) GTEST_SKIP() << "no bf16 matrix unit here";
    }

    static std::unique_ptr<Backend> backend(int threads) {
        return make_cpu_backend(threads, Products::bf16);
    }
    static std::vector<float> forward(const RandomProduct& p, int threads, float there = 0) {
        std::vector<float> y(RandomProduct::size(p.rows, p.total), there == 0 ? -5.0f : there);
        backend(threads)->matmul(p.x.data(), p.stack(), y.data(), p.rows, p.inputs,
                                 there == 0 ? Sum::kOverwrite : Sum::kAdd);
        return y;
    }
    static std::vector<float> input_gradient(const RandomProduct& p, int threads, float there = 0) {
        std::vector<float> dx(RandomProduct::size(p.rows, p.inputs), there == 0 ? -5.0f : there);
        backend(threads)->matmul_input_gradient(p.dy.data(), p.stack(), dx.data(), p.rows, p.inputs,
                                                there == 0 ? Sum::kOverwrite : Sum::kAdd);
        return dx;
    }
    static std::vector<float> weight_gradient(const RandomProduct& p, int threads) {
        std::vector<float> gradients(RandomProduct::size(p.total, p.inputs), 1.0f);
        backend(threads)->matmul_weight_gradient(p.dy.data(), p.x.data(),
                                                 p.gradient_stack(gradients), p.rows, p.inputs);
        return gradients;
    }

    // Rows around 16, 32, 64 (few rows) and 1024 (one block); k around 32, 512 (one depth) and 4096
    // (one stretch); outputs in whole panels and not, in several blocks of 128.
    static std::vector<RandomProduct> products() {
        std::vector<RandomProduct> all = {
            {1, 64, {64, 32, 32}},    {3, 37, {5}},       {5, 16, {1, 2, 3}},
            {16, 96, {40, 24}},       {17, 1056, {48}},   {33, 32, {16, 8}},
            {64, 100, {31, 2}},       {65, 100, {31, 2}}, {200, 1100, {40, 9}},
            {100, 64, {192, 300}},    {1030, 40, {50}},   {70, 1060, {33}},
            {40, 33, {4000, 120, 1}}, {2, 3, {7}}};
        for (RandomProduct& product : all) product.round_activations();
        return all;
    }
    static std::string shape(const RandomProduct& p) {
        return std::to_string(p.rows) + " x " + std::to_string(p.inputs) + " x " +
               std::to_string(p.total);
    }
};

bool have_equal_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST_F(MatmulBf16, IsTheProductWithTheTransposedStack) {
    for (const RandomProduct& p : products()) {
        EXPECT_LT(relative_error(forward(p, 1), p.forward()), kAddingError) << shape(p);
        EXPECT_LT(relative_error(forward(p, 2, 1.0f), p.forward(1.0f)), kAddingError) << shape(p);
    }
}

// Several blocks of either operand at once.
TEST_F(MatmulBf16, LargeResultsArriveWhole) {
    RandomProduct p(1100, 40, {1003});
    p.round_activations();
    EXPECT_LT(relative_error(forward(p, 2), p.forward()), kAddingError);
    EXPECT_LT(relative_error(forward(p, 2, 1.0f), p.forward(1.0f)), kAddingError);
}

TEST_F(MatmulBf16, RoundsActivationsToNearest) {
    RandomProduct p(70, 64, {32});
    const std::vector<float> unrounded = forward(p, 1);
    const std::vector<float> transposed = input_gradient(p, 1);
    const std::vector<float> gradients = weight_gradient(p, 1);
    p.round_activations();
    EXPECT_TRUE(have_equal_bits(unrounded, forward(p, 1)));
    EXPECT_TRUE(have_equal_bits(transposed, input_gradient(p, 1)));
    EXPECT_TRUE(have_equal_bits(gradients, weight_gradient(p, 1)));
}

// What generating makes row by row is what training makes of all rows at once.
TEST_F(MatmulBf16, ARowHasTheSameBitsBesideAnyOthers) {
    const RandomProduct all(1030, 1072, {40, 24, 17});
    for (const float there : {0.0f, 0.3f}) {
        const std::vector<float> expected = forward(all, 2, there);
        for (const int rows : {1, 7, 16, 33, 64, 65, 200}) {
            for (const int first : {0, 13, all.rows - rows}) {
                RandomProduct some = all;
                some.rows = rows;
                some.x.erase(some.x.begin(), some.x.begin() + first * all.inputs);
                const auto begin = expected.begin() + first * all.total;
                EXPECT_TRUE(have_equal_bits(forward(some, 1, there),
                                            std::vector<float>(begin, begin + rows * all.total)))
                    << rows << " rows from " << first << " on";
            }
        }
    }
}

TEST_F(MatmulBf16, ThreadsDoNotChangeABit) {
    for (const RandomProduct& p : products()) {
        EXPECT_TRUE(have_equal_bits(forward(p, 1), forward(p, 2))) << shape(p);
        EXPECT_TRUE(have_equal_bits(input_gradient(p, 1), input_gradient(p, 2))) << shape(p);
        EXPECT_TRUE(have_equal_bits(weight_gradient(p, 1), weight_gradient(p, 3))) << shape(p);
    }
}

TEST_F(MatmulBf16, InputGradientIsTheProductWithTheStack) {
    for (const RandomProduct& p : products()) {
        EXPECT_LT(relative_error(input_gradient(p, 1), p.input_gradient()), kAddingError)
            << shape(p);
        EXPECT_LT(relative_error(input_gradient(p, 2, 1.0f), p.input_gradient(1.0f)), kAddingError)
            << shape(p);
    }
}

TEST_F(MatmulBf16, WeightGradientAddsToEachMatrixOfTheStack) {
    for (const RandomProduct& p : products()) {
        EXPECT_LT(relative_error(weight_gradient(p, 2), p.weight_gradient(1.0f)), kAddingError)
            << shape(p);
    }
}

// Kept memory holds more than the product at hand needs, and other numbers.
TEST_F(MatmulBf16, WhatAProductLeavesDoesNotReachTheNext) {
    const std::unique_ptr<Backend> kept = backend(2);
    std::vector<RandomProduct> all = products();
    std::reverse(all.begin(), all.end());
    for (const RandomProduct& p : all) {
        std::vector<float> y(RandomProduct::size(p.rows, p.total));
        std::vector<float> dx(RandomProduct::size(p.rows, p.inputs));
        std::vector<float> gradients(RandomProduct::size(p.total, p.inputs), 1.0f);
        kept->matmul(p.x.data(), p.stack(), y.data(), p.rows, p.inputs, Sum::kOverwrite);
        kept->matmul_input_gradient(p.dy.data(), p.stack(), dx.data(), p.rows, p.inputs,
                                    Sum::kOverwrite);
        kept->matmul_weight_gradient(p.dy.data(), p.x.data(), p.gradient_stack(gradients), p.rows,
                                     p.inputs);
        EXPECT_TRUE(have_equal_bits(y, forward(p, 2))) << shape(p);
        EXPECT_TRUE(have_equal_bits(dx, input_gradient(p, 2))) << shape(p);
        EXPECT_TRUE(have_equal_bits(gradients, weight_gradient(p, 2))) << shape(p);
    }
}

// Zero times NaN would not be zero.
TEST_F(MatmulBf16, WhatLiesBehindOperandsDoesNotCount) {
    for (const RandomProduct& p : products()) {
        RandomProduct longer = p;
        longer.x.insert(longer.x.end(), 2000, NAN);
        longer.dy.insert(longer.dy.end(), 2000, NAN);
        longer.words.insert(longer.words.end(), 2000, Bf16{0x7fc0});
        EXPECT_TRUE(have_equal_bits(forward(longer, 1), forward(p, 1))) << shape(p);
        EXPECT_TRUE(have_equal_bits(input_gradient(longer, 1), input_gradient(p, 1))) << shape(p);
        EXPECT_TRUE(have_equal_bits(weight_gradient(longer, 1), weight_gradient(p, 1))) << shape(p);
    }
}

TEST(Bf16Products, WithoutAUnitAreThoseOfFp32) {
    if (make_bf16_products(1) != nullptr) GTEST_SKIP() << "this processor has one";
    const RandomProduct p(70, 64, {32});
    std::vector<float> asked(RandomProduct::size(p.rows, p.total)), plain(asked.size());
    make_cpu_backend(1, Products::bf16)
        ->matmul(p.x.data(), p.stack(), asked.data(), p.rows, p.inputs, Sum::kOverwrite);
    make_cpu_backend(1)->matmul(p.x.data(), p.stack(), plain.data(), p.rows, p.inputs,
                                Sum::kOverwrite);
    EXPECT_EQ(asked, plain);
}

}  // namespace
}  // namespace dws
