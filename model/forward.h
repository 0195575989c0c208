// The pass through whole sequences, laid one after another. Training goes on from there
// (backward.h); generation has a pass of its own (decode.h).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/backend.h"
#include "model/config.h"
#include "model/weights.h"

namespace dws {

// Several sequences in one run of tokens (T in total); attention never crosses sequences.
struct TokenBatch {
    std::vector<std::int32_t> tokens;  // (T,)
    std::vector<std::int32_t> starts;  // (sequences + 1,) first 0, last T
    std::vector<std::int32_t> rows;    // (R,) token indices whose logits are wanted, ascending
};

// Buffers of one pass; grown as needed and reused from step to step.
struct Activations;
struct ActivationsDeleter {
    void operator()(Activations*) const;
};
using ActivationsPointer = std::unique_ptr<Activations, ActivationsDeleter>;
ActivationsPointer make_activations();

// words: (elements,) bf16, flat. logits: (R, V) fp32, overwritten. Activations and sums are fp32;
// Products::bf16 rounds what it multiplies.
// The logits are those of forward_backward(), to the bit where its chunks have as many rows.
void forward(const ModelConfig& config, std::span<const Bf16> words, const TokenBatch& batch,
             Backend& backend, Activations& activations, std::span<float> logits);

}  // namespace dws
