// Random operands of one matrix product and its exact results: for the tests of products.
#pragma once

#include <algorithm>
#include <random>
#include <vector>

#include "model/backend.h"

namespace dws {

struct RandomProduct {
    int rows, inputs;
    std::vector<int> outputs;  // of each matrix in the stack
    std::vector<float> x, dy;
    std::vector<Bf16> words;
    int total = 0;

    RandomProduct(int row_count, int input_count, std::vector<int> output_counts)
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

    // As operands are that are rounded to bf16 first.
    void round_activations() {
        for (float& number : x) number = from_bf16(to_bf16(number));
        for (float& number : dy) number = from_bf16(to_bf16(number));
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
    // gradients: (total, inputs).
    std::vector<GradientMatrix> gradient_stack(std::vector<float>& gradients) const {
        std::vector<GradientMatrix> matrices;
        float* at = gradients.data();
        for (const int count : outputs) {
            matrices.push_back({at, count});
            at += size(count, inputs);
        }
        return matrices;
    }

    // Summed in double, plus what is there.
    std::vector<float> forward(float there = 0) const {
        return exact(
            rows, total, inputs, there, [&](int i, int k) { return x_at(i, k); },
            [&](int j, int k) { return w_at(j, k); });
    }
    std::vector<float> input_gradient(float there = 0) const {
        return exact(
            rows, inputs, total, there, [&](int i, int k) { return dy_at(i, k); },
            [&](int j, int k) { return w_at(k, j); });
    }
    std::vector<float> weight_gradient(float there = 0) const {
        return exact(
            total, inputs, rows, there, [&](int i, int k) { return dy_at(k, i); },
            [&](int j, int k) { return x_at(k, j); });
    }

private:
    // sum over k of a(i, k) * b(j, k).
    template <class A, class B>
    static std::vector<float> exact(int m, int n, int k, float there, A a, B b) {
        std::vector<float> results;
        results.reserve(size(m, n));
        for (int i = 0; i < m; ++i) {
            for (int j = 0; j < n; ++j) {
                double sum = static_cast<double>(there);
                for (int inner = 0; inner < k; ++inner) {
                    sum += static_cast<double>(a(i, inner)) * static_cast<double>(b(j, inner));
                }
                results.push_back(static_cast<float>(sum));
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

}  // namespace dws
