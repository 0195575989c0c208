// Imitation: the mean cross-entropy of the sampled tokens, over the tokens that were allowed.
#pragma once

#include <span>

#include "trainer_bridge/batch.h"

namespace dws {

// logits, d_logits: (rows of the range, V), or (.., C) of a batch with columns; d_logits is
// overwritten with the gradient of the mean over `total_tokens`, the rows of all batches of the
// step. Returns the rows' share of the mean. The result does not depend on `threads`.
double cross_entropy(const TrainingBatch& batch, double total_tokens, std::span<const float> logits,
                     std::span<float> d_logits, RowRange range = {}, int threads = 1);

}  // namespace dws
