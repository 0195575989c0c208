#include "trainer_bridge/cross_entropy.h"

#include <vector>

#include "trainer_bridge/policy_row.h"

namespace dws {

double cross_entropy(const TrainingBatch& batch, double total_tokens, std::span<const float> logits,
                     std::span<float> d_logits, RowRange range, int threads) {
    const RowRange rows = rows_within(batch, range);
    const std::size_t width = logits.size() / rows.count;
    std::vector<double> logprobs(rows.count);
    for_each_policy(batch, rows, logits, threads, [&](std::size_t index, const PolicyRow& policy) {
        const std::int32_t target = batch.targets[rows.first + index];
        logprobs[index] = policy.logprob(target);
        policy.logprob_gradient(target, -1 / total_tokens, d_logits.subspan(index * width, width));
    });
    double loss = 0;
    for (const double logprob : logprobs) loss -= logprob / total_tokens;
    return loss;
}

}  // namespace dws
