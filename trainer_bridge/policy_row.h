// One row of logits as the policy that sampled from it: softmax(logits / temperature) over the
// allowed tokens. Both losses are functions of the log-probability of one token of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "trainer_bridge/batch.h"

namespace dws {

class PolicyRow {
public:
    // logits: (V,). rule: outlives the calls below. Reuses this object's memory.
    void load(std::span<const float> logits, const SamplingRule& rule);

    // token: one of the allowed.
    double logprob(std::int32_t token) const;
    double entropy() const;  // nats
    // d_logits: (V,) overwritten with coefficient * d logprob(token) / d logits; 0 where not
    // allowed.
    void logprob_gradient(std::int32_t token, double coefficient, std::span<float> d_logits) const;

private:
    std::span<const std::int32_t> allowed_;  // (A,)
    std::vector<std::int32_t> all_;          // (V,) 0, 1, ...: allowed_ when the rule names none
    float temperature_ = 1;
    std::vector<float> logprobs_;  // (A,)
};

}  // namespace dws
