// One learning rate: a trainer takes steps on recorded games, and its last steps are looked at.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "experiments/density/change_count.h"
#include "experiments/density/moment_prediction.h"
#include "sync/games/game_group.h"
#include "trainer_bridge/trainer.h"

namespace dws {

// Steps between two versions, as compared.
inline constexpr std::int64_t kStepsPerSync[] = {1, 2, 4, 8, 16};
inline constexpr std::int64_t kMeasuredSteps = 16;

struct DensityTrial {
    std::map<std::int64_t, ChangeCount> by_steps;  // steps per sync -> all pairs of versions
    ExponentCounts by_exponent{};                  // one step per sync
    PredictionCount prediction;
    // Words that differ between two versions and that the trainer did not report, or the reverse.
    double reported_wrongly = 0;
};

// settle: steps before the measured ones; an optimizer's first steps change more words. The groups
// are used in turn, options.groups_per_step at a time, again from the first when they are used up.
DensityTrial run_trial(Trainer& trainer, const TrainerSection& options,
                       std::span<const GameGroup> groups, std::int64_t settle);

}  // namespace dws
