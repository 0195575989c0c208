// The pass of training: through the model to a loss, and back to the gradient of every weight.
// Only the trainer links it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "model/forward.h"

namespace dws {

struct PassOptions {
    // Keeps of each layer its input and attention's outcome, and computes the rest again on the way
    // back: a quarter of the activations' memory, and four fifths of the way there's products
    // twice. The gradients have the same bits.
    bool recompute = false;
    int logit_rows = 512;  // that have logits at a time
    // (C,) ascending tokens whose logits the loss asks for; empty: all, C = V. The others have no
    // gradient, and their share of the head's products is saved.
    std::span<const std::int32_t> columns = {};
};

// The loss of some of the batch's rows, from first_row on. logits, d_logits: (rows, C); d_logits
// holds anything, and is overwritten with d loss / d logits.
using LossChunk = std::function<void(std::size_t first_row, std::span<const float> logits,
                                     std::span<float> d_logits)>;

// gradients: (elements,) fp32, flat, +=; alignment gaps stay as they are. loss is asked once for
// every row, in order, by the calling thread.
void forward_backward(const ModelConfig& config, std::span<const Bf16> words,
                      const TokenBatch& batch, Backend& backend, Activations& activations,
                      const PassOptions& options, const LossChunk& loss,
                      std::span<float> gradients);

// The same where d_logits is known beforehand: a loss of sum(logits * d_logits). d_logits: (R, V).
// gradients: (elements,) overwritten; alignment gaps are 0.
void backward(const ModelConfig& config, std::span<const Bf16> words, const TokenBatch& batch,
              Backend& backend, Activations& activations, std::span<const float> d_logits,
              std::span<float> gradients);

}  // namespace dws
