// Decoding steps of several sequences at once, one token each, at a given length of context: what
// a worker's engine asks of the model between two draws.
#pragma once

#include <random>
#include <span>
#include <vector>

#include "experiments/model_speed/backends.h"
#include "experiments/model_speed/timed_backend.h"
#include "model/decode.h"

namespace dws {

struct DecodeTimes {
    double step_s = 0;
    double cpu_s = 0;  // of the processor, over all threads
    WorkTimes work;
};

struct DecodeSetting {
    int sequences;  // in the cache; a step takes as many of them or fewer
    int context;    // tokens of each in the middle of all steps
    int tokens;     // that all steps together will add to all sequences together, about
    int threads;    // of the filling
};

class DecodeTrial {
public:
    // Fills the cache with random tokens. words: not owned, outlive this.
    DecodeTrial(const ModelConfig& model, std::span<const Bf16> words,
                const DecodeSetting& setting);

    // One token for each of `batch` sequences, those whose turn it is: so all grow alike.
    DecodeTimes step(int batch, int threads);

private:
    std::vector<std::int32_t> random_tokens(int count);

    const ModelConfig model_;
    const std::span<const Bf16> words_;
    const int sequences_;
    Backends backends_;
    KvCache cache_;
    DecodeBuffers buffers_;
    std::vector<float> logits_;  // (sequences, V)
    std::mt19937_64 random_{1};
    int next_ = 0;  // the sequence whose turn it is
};

}  // namespace dws
