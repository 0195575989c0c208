// Imitation: the mean cross-entropy of the sampled tokens, over the tokens that were allowed.
#pragma once

#include <span>

#include "trainer_bridge/batch.h"

namespace dws {

// logits, d_logits: (R, V); d_logits is overwritten with the gradient of the mean over
// `total_tokens`, the rows of all batches of the step. Returns this batch's share of the mean.
double cross_entropy(const TrainingBatch& batch, double total_tokens, std::span<const float> logits,
                     std::span<float> d_logits);

}  // namespace dws
