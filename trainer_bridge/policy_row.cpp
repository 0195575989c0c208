#include "trainer_bridge/policy_row.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/require.h"
#include "model/logprob.h"

namespace dws {

void PolicyRow::load(std::span<const float> logits, const SamplingRule& rule) {
    allowed_ = rule.allowed_tokens;
    if (allowed_.empty()) {
        all_.resize(logits.size());
        std::iota(all_.begin(), all_.end(), 0);
        allowed_ = all_;
    }
    temperature_ = rule.temperature;
    logprobs_.resize(allowed_.size());
    log_softmax(logits, static_cast<int>(logits.size()), allowed_, temperature_, logprobs_);
}

double PolicyRow::logprob(std::int32_t token) const {
    const auto found = std::ranges::find(allowed_, token);
    require(found != allowed_.end(), "check_group() admits only allowed tokens");
    return static_cast<double>(logprobs_[static_cast<std::size_t>(found - allowed_.begin())]);
}

double PolicyRow::entropy() const {
    double sum = 0;
    for (const float logprob : logprobs_) {
        sum -= static_cast<double>(std::exp(logprob)) * static_cast<double>(logprob);
    }
    return sum;
}

void PolicyRow::logprob_gradient(std::int32_t token, double coefficient,
                                 std::span<float> d_logits) const {
    // d logprob(t) / d logit(j) = (1[j = t] - probability(j)) / temperature
    const float scale = static_cast<float>(coefficient) / temperature_;
    std::ranges::fill(d_logits, 0.0f);
    for (std::size_t index = 0; index < allowed_.size(); ++index) {
        d_logits[static_cast<std::size_t>(allowed_[index])] = -scale * std::exp(logprobs_[index]);
    }
    d_logits[static_cast<std::size_t>(token)] += scale;
}

}  // namespace dws
