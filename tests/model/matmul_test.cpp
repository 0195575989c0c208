// The three products against plain loops in double, on both sides of the size at which another
// implementation takes over.
#include <gtest/gtest.h>

#include "model/backend.h"
#include "tests/model/golden_model.h"

namespace dws {
namespace {

struct Product {
    int rows, inputs;
    std::vector<int> outputs;  // of each matrix in the stack
    std::vector<float> x, dy, weights_wide;
    std::vector<Bf16> words;
    int total = 0;

    Product(int row_count, int input_count, std::vector<int> output_counts)
        : rows(row_count), inputs(input_count), outputs(std::move(output_counts)) {
        for (const int count : outputs) total += count;
        std::mt19937 random(1);
        std::normal_distribution<float> normal;
        x.resize(size(rows, inputs));
        dy.resize(size(rows, total));
        words.resize(size(total, inputs));
        for (float& number : x) number = normal(random);
        for (float& number : dy) number = normal(random);
        for (Bf16& word : words) word = to_bf16(normal(random));
    }
    static std::size_t size(int a, int b) {
        return static_cast<std::size_t>(a) * static_cast<std::size_t>(b);
    }
    std::vector<WeightMatrix> stack() const {
        std::vector<WeightMatrix> matrices;
        const Bf16* at = words.data();
        for (const int count : outputs) {
            matrices.push_back({at, count});
            at += size(count, inputs);
        }
        return matrices;
    }
    // sum over k of a[i*a_row + k*a_step] * b[j*b_row + k*b_step].
    template <class A, class B>
    static std::vector<float> exact(int m, int n, int k, A a, B b) {
        std::vector<float> results;
        for (int i = 0; i < m; ++i) {
            for (int j = 0; j < n; ++j) {
                double total = 0;
                for (int inner = 0; inner < k; ++inner) {
                    total += static_cast<double>(a(i, inner)) * static_cast<double>(b(j, inner));
                }
                results.push_back(static_cast<float>(total));
            }
        }
        return results;
    }
    float x_at(int row, int input) const { return x[size(row, inputs) + size(input, 1)]; }
    float dy_at(int row, int output) const { return dy[size(row, total) + size(output, 1)]; }
    float w_at(int output, int input) const {
        return from_bf16(words[size(output, inputs) + size(input, 1)]);
    }
};

std::vector<Product> products() {
    return {{1, 64, {64, 32, 32}}, {3, 37, {5}},    {5, 16, {1, 2, 3}},
            {128, 64, {192, 192}}, {48, 192, {64}}, {49, 64, {64, 32, 32}},
            {300, 20, {27, 27}},   {2, 3, {7}},     {9, 300, {33}}};
}

void add_one(std::vector<float>& numbers) {
    for (float& number : numbers) number += 1.0f;
}

TEST(Matmul, IsTheProductWithTheTransposedStack) {
    for (const Product& p : products()) {
        const std::vector<float> expected = Product::exact(
            p.rows, p.total, p.inputs, [&](int i, int k) { return p.x_at(i, k); },
            [&](int j, int k) { return p.w_at(j, k); });
        for (const int threads : {1, 3}) {
            std::vector<float> y(expected.size(), -5.0f);
            make_cpu_backend(threads)->matmul(p.x.data(), p.stack(), y.data(), p.rows, p.inputs,
                                              Sum::kOverwrite);
            EXPECT_LT(relative_error(y, expected), 1e-5) << p.rows << " x " << p.inputs;
        }
    }
}

TEST(Matmul, AddsToWhatIsThere) {
    for (const Product& p : products()) {
        std::vector<float> expected = Product::exact(
            p.rows, p.total, p.inputs, [&](int i, int k) { return p.x_at(i, k); },
            [&](int j, int k) { return p.w_at(j, k); });
        add_one(expected);
        std::vector<float> y(expected.size(), 1.0f);
        make_cpu_backend(1)->matmul(p.x.data(), p.stack(), y.data(), p.rows, p.inputs, Sum::kAdd);
        EXPECT_LT(relative_error(y, expected), 1e-5) << p.rows << " x " << p.inputs;
    }
}

TEST(Matmul, FewRowsGiveEachRowItsOwnBits) {
    const Product p(11, 50, {9});
    std::vector<float> together(Product::size(p.rows, p.total));
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
    for (const Product& p : products()) {
        const std::vector<float> expected = Product::exact(
            p.rows, p.inputs, p.total, [&](int i, int k) { return p.dy_at(i, k); },
            [&](int j, int k) { return p.w_at(k, j); });
        std::vector<float> dx(expected.size(), -5.0f);
        make_cpu_backend(2)->matmul_input_gradient(p.dy.data(), p.stack(), dx.data(), p.rows,
                                                   p.inputs, Sum::kOverwrite);
        EXPECT_LT(relative_error(dx, expected), 1e-5) << p.rows << " x " << p.inputs;
    }
}

TEST(Matmul, WeightGradientAddsToEachMatrixOfTheStack) {
    for (const Product& p : products()) {
        std::vector<float> expected = Product::exact(
            p.total, p.inputs, p.rows, [&](int i, int k) { return p.dy_at(k, i); },
            [&](int j, int k) { return p.x_at(k, j); });
        add_one(expected);
        std::vector<float> gradients(expected.size(), 1.0f);
        std::vector<GradientMatrix> stack;
        float* at = gradients.data();
        for (const int count : p.outputs) {
            stack.push_back({at, count});
            at += Product::size(count, p.inputs);
        }
        make_cpu_backend(2)->matmul_weight_gradient(p.dy.data(), p.x.data(), stack, p.rows,
                                                    p.inputs);
        EXPECT_LT(relative_error(gradients, expected), 1e-5) << p.rows << " x " << p.inputs;
    }
}

TEST(MatmulDeath, ABackendHasAThread) { EXPECT_DEATH(make_cpu_backend(0), "thread"); }

}  // namespace
}  // namespace dws
