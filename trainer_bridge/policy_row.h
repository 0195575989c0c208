// One row of logits as the policy that sampled from it: softmax(logits / temperature) over the
// allowed tokens. Both losses are functions of the log-probability of one token of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "trainer_bridge/batch.h"

namespace dws {

class PolicyRow {
public:
    // logits: (V,). rule: outlives the calls below. Reuses this object's memory. Two passes of
    // exponentials over the allowed tokens, which matters where they are a whole vocabulary.
    void load(std::span<const float> logits, const SamplingRule& rule);

    // token: one of the allowed.
    double logprob(std::int32_t token) const;
    double entropy() const;  // nats
    // d_logits: (V,) overwritten with coefficient * d logprob(token) / d logits; 0 where not
    // allowed.
    void logprob_gradient(std::int32_t token, double coefficient, std::span<float> d_logits) const;

private:
    std::size_t place_of(std::int32_t token) const;

    std::span<const std::int32_t> allowed_;  // (A,) empty: all, A = V
    float temperature_ = 1;
    std::vector<float> logprobs_;       // (A,)
    std::vector<float> probabilities_;  // (A,)
};

// Calls take(index in the range, its policy) for every row of the range, by several threads. range:
// of rows_within(). logits: (rows of the range, columns).
using TakePolicy = std::function<void(std::size_t index, const PolicyRow& policy)>;
void for_each_policy(const TrainingBatch& batch, RowRange range, std::span<const float> logits,
                     int threads, const TakePolicy& take);

}  // namespace dws
