#include "trainer_bridge/grpo.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "trainer_bridge/policy_row.h"

namespace dws {
namespace {

// e^20 is far outside every cap; it only keeps means and gradients finite.
constexpr double kMaxLogRatio = 20;
// PPO's clip leaves the ratio of a negative advantage unbounded: one token could decide a step.
// Past this it teaches nothing (dual clip, Ye et al. 2020, arXiv:1912.09729, equation 4).
constexpr double kDualClip = 3;

struct TokenLoss {
    double loss;
    double gradient;  // d loss / d log pi_theta
    bool is_at_cap;
};

TokenLoss token_loss(const GrpoOptions& options, double ratio, double logprob, double advantage) {
    switch (options.correction) {
        case Correction::truncated: {
            const double weight = std::min(ratio, options.ratio_max) * advantage;
            return {-weight * logprob, -weight, ratio > options.ratio_max};
        }
        case Correction::clipped: {
            const double clipped =
                std::clamp(ratio, 1 - options.ratio_clip, 1 + options.ratio_clip);
            if (clipped * advantage < ratio * advantage) return {-clipped * advantage, 0, true};
            if (advantage < 0 && ratio > kDualClip) return {-kDualClip * advantage, 0, true};
            return {-ratio * advantage, -ratio * advantage, false};
        }
        case Correction::off:
            break;
    }
    return {-advantage * logprob, -advantage, false};
}

// One row's part in the loss and in the metrics.
struct RowLoss {
    double loss;
    double gradient;  // d loss / d log pi_theta
    double ratio;
    double log_ratio;
    double entropy;
    bool is_at_cap;
};

RowLoss row_loss(const GrpoOptions& options, const TrainingBatch& batch, std::size_t row,
                 const PolicyRow& policy) {
    const double logprob = policy.logprob(batch.targets[row]);
    const double log_ratio = std::clamp(
        logprob - static_cast<double>(batch.behaviour_logprobs[row]), -kMaxLogRatio, kMaxLogRatio);
    const double ratio = std::exp(log_ratio);
    const TokenLoss token =
        token_loss(options, ratio, logprob, static_cast<double>(batch.advantages[row]));
    return {token.loss, token.gradient, ratio, log_ratio, policy.entropy(), token.is_at_cap};
}

}  // namespace

Correction correction(const std::string& name) {
    if (name == "truncated") return Correction::truncated;
    if (name == "clipped") return Correction::clipped;
    if (name == "off") return Correction::off;
    throw std::runtime_error("trainer.correction is \"" + name +
                             "\"; it is truncated, clipped or off");
}

void grpo_loss(const GrpoOptions& options, const TrainingBatch& batch, double total_tokens,
               std::span<const float> logits, std::span<float> d_logits, GrpoMetrics& metrics,
               RowRange range, int threads) {
    const RowRange rows = rows_within(batch, range);
    const std::size_t width = logits.size() / rows.count;
    std::vector<RowLoss> found(rows.count);
    for_each_policy(batch, rows, logits, threads, [&](std::size_t index, const PolicyRow& policy) {
        found[index] = row_loss(options, batch, rows.first + index, policy);
        policy.logprob_gradient(batch.targets[rows.first + index],
                                found[index].gradient / total_tokens,
                                d_logits.subspan(index * width, width));
    });
    for (const RowLoss& row : found) {
        metrics.loss += row.loss / total_tokens;
        metrics.ratio += row.ratio / total_tokens;
        metrics.kl += (row.ratio - 1 - row.log_ratio) / total_tokens;
        metrics.entropy += row.entropy / total_tokens;
        metrics.at_cap += (row.is_at_cap ? 1 : 0) / total_tokens;
    }
}

}  // namespace dws
