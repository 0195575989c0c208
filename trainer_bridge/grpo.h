// The reinforcement loss, token by token, with the correction for games that older weights played.
//
// With A the advantage, ratio = pi_theta(token) / pi_behaviour(token) and N the sampled tokens of
// the step, the loss is the mean over N of
//
//   truncated   -stop_gradient(min(ratio, ratio_max)) A log pi_theta    truncated importance
//                                                                       sampling
//   clipped     -min(ratio A, clip(ratio, 1 - e, 1 + e) A)              PPO, Schulman et al. 2017,
//                                                                       arXiv:1707.06347, eq. 7
//   off         -A log pi_theta                                         as if it were on-policy
#pragma once

#include <span>
#include <string>

#include "trainer_bridge/batch.h"

namespace dws {

enum class Correction { truncated, clipped, off };

// Throws std::runtime_error naming the three.
Correction correction(const std::string& name);

struct GrpoOptions {
    Correction correction = Correction::truncated;
    double ratio_max = 2;     // truncated
    double ratio_clip = 0.2;  // clipped: e
};

// Means over the step's tokens, added up batch by batch.
struct GrpoMetrics {
    double loss = 0;
    double ratio = 0;    // before any cap
    double kl = 0;       // k3 = r - 1 - log r, r = pi_theta / pi_behaviour: estimates
                         // KL(pi_behaviour || pi_theta) from the behaviour's own samples
    double entropy = 0;  // of pi_theta over the allowed tokens, nats
    double at_cap = 0;   // share of tokens whose ratio the correction held back
};

// logits, d_logits: (rows of the range, V), or (.., C) of a batch with columns; d_logits is
// overwritten with the gradient of the mean over `total_tokens`, the rows of all batches of the
// step. Adds the rows' share to `metrics`. The result does not depend on `threads`.
void grpo_loss(const GrpoOptions& options, const TrainingBatch& batch, double total_tokens,
               std::span<const float> logits, std::span<float> d_logits, GrpoMetrics& metrics,
               RowRange range = {}, int threads = 1);

}  // namespace dws
