#include "experiments/density/density_trial.h"

#include <algorithm>
#include <cmath>

#include "sync/changes.h"

namespace dws {
namespace {

// Hands out the groups of one step after another.
class GroupDeck {
public:
    GroupDeck(std::span<const GameGroup> groups, std::int64_t per_step)
        : groups_(groups), per_step_(per_step) {}

    std::vector<GameGroup> next() {
        std::vector<GameGroup> step;
        for (std::int64_t i = 0; i < per_step_; ++i) {
            step.push_back(groups_[next_]);
            next_ = (next_ + 1) % groups_.size();
        }
        return step;
    }

private:
    const std::span<const GameGroup> groups_;
    const std::int64_t per_step_;
    std::size_t next_ = 0;
};

double count_different(const Snapshot& before, const Snapshot& after) {
    double different = 0;
    for (std::size_t i = 0; i < before.published.size(); ++i) {
        different += before.published[i] != after.published[i];
    }
    return different;
}

}  // namespace

DensityTrial run_trial(Trainer& trainer, const TrainerSection& options,
                       std::span<const GameGroup> groups, std::int64_t settle) {
    GroupDeck deck(groups, options.groups_per_step);
    for (std::int64_t step = 0; step < settle; ++step) {
        trainer.learn(deck.next(), StepForm::changes);
    }
    DensityTrial trial;
    std::vector<Snapshot> moments{snapshot_of(trainer)};
    for (std::int64_t step = 0; step < kMeasuredSteps; ++step) {
        const StepReport report = trainer.learn(deck.next(), StepForm::changes);
        moments.push_back(snapshot_of(trainer));
        const Snapshot& before = moments[moments.size() - 2];
        const Snapshot& after = moments.back();
        trial.prediction += count_predictions(before, after, options, options.learning_rate);
        trial.reported_wrongly +=
            std::fabs(count_different(before, after) - static_cast<double>(count(report.changes)));
    }
    for (const std::int64_t steps : kStepsPerSync) {
        ExponentCounts counts{};
        for (std::int64_t to = steps; to <= kMeasuredSteps; to += steps) {
            count_changes(moments[static_cast<std::size_t>(to - steps)],
                          moments[static_cast<std::size_t>(to)], counts);
        }
        trial.by_steps[steps] = sum_of(counts);
        if (steps == 1) trial.by_exponent = counts;
    }
    return trial;
}

}  // namespace dws
