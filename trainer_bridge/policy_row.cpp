#include "trainer_bridge/policy_row.h"

#include <algorithm>

#include "base/require.h"
#include "model/lanes.h"
#include "model/logprob.h"

namespace dws {
namespace {

// Numbers added in fp32 before they go to a double: rounding stays near 1e-6 of the sum.
constexpr std::size_t kBlock = 64 * kLanes;
// Fewer are done before a second thread has woken.
constexpr std::size_t kSharedLogits = 16 * 1024;

}  // namespace

void PolicyRow::load(std::span<const float> logits, const SamplingRule& rule) {
    allowed_ = rule.allowed_tokens;
    temperature_ = rule.temperature;
    logprobs_.resize(allowed_.empty() ? logits.size() : allowed_.size());
    probabilities_.resize(logprobs_.size());
    log_softmax(logits, static_cast<int>(logits.size()), allowed_, temperature_, logprobs_);
    for (std::size_t a = 0; a < logprobs_.size(); a += kLanes) {
        const std::size_t count = std::min(kLanes, logprobs_.size() - a);
        store_part(&probabilities_[a], exp(load_part(&logprobs_[a], count)), count);
    }
}

double PolicyRow::logprob(std::int32_t token) const {
    return static_cast<double>(logprobs_[place_of(token)]);
}

double PolicyRow::entropy() const {
    double total = 0;
    for (std::size_t begin = 0; begin < logprobs_.size(); begin += kBlock) {
        const std::size_t end = std::min(begin + kBlock, logprobs_.size());
        Lanes sums{};
        for (std::size_t a = begin; a < end; a += kLanes) {
            const std::size_t count = std::min(kLanes, end - a);
            sums += load_part(&probabilities_[a], count) * load_part(&logprobs_[a], count);
        }
        total -= static_cast<double>(sum(sums));
    }
    return total;
}

void PolicyRow::logprob_gradient(std::int32_t token, double coefficient,
                                 std::span<float> d_logits) const {
    // d logprob(t) / d logit(j) = (1[j = t] - probability(j)) / temperature
    const float scale = static_cast<float>(coefficient) / temperature_;
    if (allowed_.empty()) {
        for (std::size_t a = 0; a < d_logits.size(); ++a) d_logits[a] = -scale * probabilities_[a];
    } else {
        std::ranges::fill(d_logits, 0.0f);
        for (std::size_t a = 0; a < allowed_.size(); ++a) {
            d_logits[static_cast<std::size_t>(allowed_[a])] = -scale * probabilities_[a];
        }
    }
    d_logits[static_cast<std::size_t>(token)] += scale;
}

std::size_t PolicyRow::place_of(std::int32_t token) const {
    const auto place = static_cast<std::size_t>(
        allowed_.empty() ? token : std::ranges::find(allowed_, token) - allowed_.begin());
    require(place < logprobs_.size(), "check_group() admits only allowed tokens");
    return place;
}

void for_each_policy(const TrainingBatch& batch, RowRange range, std::span<const float> logits,
                     int threads, const TakePolicy& take) {
    const std::size_t width = logits.size() / range.count;
#pragma omp parallel num_threads(threads) if (threads > 1 && logits.size() >= kSharedLogits)
    {
        PolicyRow policy;
#pragma omp for schedule(static)
        for (std::size_t index = 0; index < range.count; ++index) {
            policy.load(logits.subspan(index * width, width),
                        batch.rules[batch.rule_of_row[range.first + index]]);
            take(index, policy);
        }
    }
}

}  // namespace dws
