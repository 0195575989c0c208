// The same pass from the end. Only the trainer links it.
#pragma once

#include <span>

#include "model/forward.h"

namespace dws {

// After forward() with the same arguments. d_logits: (R, V). gradients: (elements,) fp32, flat,
// overwritten; alignment gaps are 0.
void backward(const ModelConfig& config, std::span<const Bf16> words, const TokenBatch& batch,
              Backend& backend, Activations& activations, std::span<const float> d_logits,
              std::span<float> gradients);

}  // namespace dws
