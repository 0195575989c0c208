// Random heads of some sequences, and attention's answers to them.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "model/backend.h"
#include "model/head_shape.h"
#include "tests/model/golden_model.h"

namespace dws {

inline ModelConfig config_of_heads(int queries, int keys, int size) {
    ModelConfig config;
    config.vocab_size = 4;
    config.hidden_size = 8;
    config.layers = 1;
    config.mlp_size = 8;
    config.query_heads = queries;
    config.key_heads = keys;
    config.head_size = size;
    return config;
}

inline std::vector<float> normal_numbers(std::size_t count, float deviation, std::mt19937& random) {
    std::normal_distribution<float> normal(0, deviation);
    std::vector<float> numbers(count);
    for (float& number : numbers) number = normal(random);
    return numbers;
}

struct AttentionCase {
    ModelConfig config;
    HeadShape shape;
    std::vector<int> starts{0};
    std::vector<float> heads, d_mixed;  // (T, W), (T, H*head)

    AttentionCase(int queries, int keys, int size, const std::vector<int>& lengths, float deviation,
                  unsigned seed)
        : config(config_of_heads(queries, keys, size)), shape(config) {
        for (const int length : lengths) starts.push_back(starts.back() + length);
        std::mt19937 random(seed);
        heads = normal_numbers(tokens() * shape.width(), deviation, random);
        d_mixed = normal_numbers(tokens() * shape.query_width(), 1, random);
    }
    std::size_t tokens() const { return static_cast<std::size_t>(starts.back()); }
};

struct AttentionResult {
    std::vector<float> mixed, log_totals, d_heads;  // (T, H*head), (T, H), (T, W)

    explicit AttentionResult(const AttentionCase& given)
        : mixed(given.d_mixed.size(), 7.0f),  // what is not overwritten shows
          log_totals(given.tokens() * given.shape.queries, 7.0f),
          d_heads(given.heads.size(), 7.0f) {}
};

inline AttentionResult run_attention(const AttentionCase& given, int threads) {
    const std::unique_ptr<Backend> backend = make_cpu_backend(threads);
    AttentionResult result(given);
    backend->attention(given.config, given.heads.data(), given.starts, result.mixed.data(),
                       result.log_totals.data());
    backend->attention_backward(given.config, given.heads.data(), given.starts, result.mixed.data(),
                                result.log_totals.data(), given.d_mixed.data(),
                                result.d_heads.data());
    return result;
}

}  // namespace dws
