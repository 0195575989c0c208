#include "experiments/density/moment_prediction.h"

#include <cmath>
#include <cstddef>

#include "base/require.h"
#include "experiments/density/rounding.h"

namespace dws {
namespace {

void add(Prediction& prediction, bool is_predicted, bool is_changed) {
    prediction.missed += is_changed && !is_predicted;
    prediction.cried_wolf += is_predicted && !is_changed;
}

Prediction sum(const Prediction& left, const Prediction& right) {
    return {left.missed + right.missed, left.cried_wolf + right.cried_wolf};
}

// u of a snapshot's moments, word by word.
class UpdateOf {
public:
    UpdateOf(const Snapshot& moment, const TrainerSection& options, double learning_rate)
        : moment_(moment), epsilon_(static_cast<float>(options.epsilon)) {
        const auto step = static_cast<double>(moment.optimizer_steps);
        rate_ = static_cast<float>(learning_rate / (1 - std::pow(options.beta1, step)));
        scale_ = static_cast<float>(1 / std::sqrt(1 - std::pow(options.beta2, step)));
    }
    float operator()(std::size_t i) const {
        return rate_ * moment_.first_moment[i] /
               (std::sqrt(moment_.second_moment[i]) * scale_ + epsilon_);
    }

private:
    const Snapshot& moment_;
    const float epsilon_;
    float rate_ = 0;   // lr / (1 - b1^t)
    float scale_ = 0;  // 1 / sqrt(1 - b2^t)
};

}  // namespace

PredictionCount& PredictionCount::operator+=(const PredictionCount& other) {
    changed += other.changed;
    threshold = sum(threshold, other.threshold);
    foretold = sum(foretold, other.foretold);
    undone = sum(undone, other.undone);
    return *this;
}

PredictionCount count_predictions(const Snapshot& before, const Snapshot& after,
                                  const TrainerSection& options, double learning_rate) {
    require(after.optimizer_steps == before.optimizer_steps + 1, "the snapshots are a step apart");
    require(before.optimizer_steps > 0, "moments are there after a first step");
    const UpdateOf update_before(before, options, learning_rate);
    const UpdateOf update_after(after, options, learning_rate);
    PredictionCount count;
    for (std::size_t i = 0; i < after.published.size(); ++i) {
        const bool is_changed = before.published[i] != after.published[i];
        const float update = update_after(i);
        const int exponent = exponent_of(after.published[i]);
        const Bf16 foretold = to_bf16(before.master[i] - update_before(i));
        const Bf16 undone = to_bf16(after.master[i] + update);
        count.changed += is_changed;
        add(count.threshold, passes_half_ulp(static_cast<double>(update), exponent), is_changed);
        add(count.foretold, foretold != before.published[i], is_changed);
        add(count.undone, undone != after.published[i], is_changed);
    }
    return count;
}

}  // namespace dws
