#include "trainer_bridge/cross_entropy.h"

#include "trainer_bridge/policy_row.h"

namespace dws {

double cross_entropy(const TrainingBatch& batch, double total_tokens, std::span<const float> logits,
                     std::span<float> d_logits) {
    const std::size_t rows = batch.targets.size();
    const std::size_t vocabulary = logits.size() / rows;
    PolicyRow policy;
    double loss = 0;
    for (std::size_t row = 0; row < rows; ++row) {
        policy.load(logits.subspan(row * vocabulary, vocabulary),
                    batch.rules[batch.rule_of_row[row]]);
        loss -= policy.logprob(batch.targets[row]) / total_tokens;
        policy.logprob_gradient(batch.targets[row], -1 / total_tokens,
                                d_logits.subspan(row * vocabulary, vocabulary));
    }
    return loss;
}

}  // namespace dws
