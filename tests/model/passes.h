// A pass there and back with given gradients of the logits, for tests of what comes out.
#pragma once

#include <algorithm>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "model/backward.h"
#include "tests/model/golden_model.h"

namespace dws {

inline std::vector<float> random_numbers(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> numbers(count);
    for (float& number : numbers) number = normal(random);
    return numbers;
}

inline std::size_t logit_count(const ModelConfig& config, const TokenBatch& batch) {
    return batch.rows.size() * static_cast<std::size_t>(config.vocab_size);
}

struct Passes {
    ModelConfig config;
    TokenBatch batch;
    std::vector<float> d_logits;  // (R, C)
    std::vector<float> logits;    // (R, C)
    std::vector<float> gradients;
    std::vector<std::size_t> chunks;  // the first row of each

    Passes(const ModelConfig& config_, const TokenBatch& batch_, std::vector<float> d_logits_)
        : config(config_),
          batch(batch_),
          d_logits(std::move(d_logits_)),
          logits(d_logits.size()),
          gradients(WeightOffsets(config).elements) {}

    void run(std::span<const Bf16> words, Backend& backend, Activations& activations,
             const PassOptions& options) {
        const std::size_t width = options.columns.empty()
                                      ? static_cast<std::size_t>(config.vocab_size)
                                      : options.columns.size();
        chunks.clear();
        forward_backward(
            config, words, batch, backend, activations, options,
            [&](std::size_t first, std::span<const float> chunk, std::span<float> d_chunk) {
                chunks.push_back(first);
                std::ranges::copy(chunk, logits.begin() + as_offset(first * width));
                std::ranges::copy(std::span(d_logits).subspan(first * width, d_chunk.size()),
                                  d_chunk.begin());
            },
            gradients);
    }

private:
    static std::ptrdiff_t as_offset(std::size_t index) {
        return static_cast<std::ptrdiff_t>(index);
    }
};

inline Passes run_passes(const ModelConfig& config, const std::vector<Bf16>& words,
                         const TokenBatch& batch, const std::vector<float>& d_logits, int threads,
                         const PassOptions& options = {}) {
    Passes passes(config, batch, d_logits);
    const std::unique_ptr<Backend> backend = make_cpu_backend(threads);
    const ActivationsPointer activations = make_activations();
    passes.run(words, *backend, *activations, options);
    return passes;
}

}  // namespace dws
