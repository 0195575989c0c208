// What one would miss who asks Adam's moments which words a step changed, instead of the words.
// With u = lr m^ / (sqrt(v^) + e):
//
//   threshold  changed where |u| >= ulp / 2, by the moments after the step
//   foretold   changed where the master minus u rounds to another word, by the moments before the
//              step: all that is known until the step's gradient is
//   undone     changed where the new master plus u, in fp32, rounds to another word than the new
//              one, by the moments after the step
#pragma once

#include <cstdint>

#include "configs/config.h"
#include "experiments/density/snapshot.h"

namespace dws {

struct Prediction {
    double missed = 0;      // changed, and not said so
    double cried_wolf = 0;  // said to have changed, and did not
};

struct PredictionCount {
    double changed = 0;
    Prediction threshold, foretold, undone;

    PredictionCount& operator+=(const PredictionCount& other);
};

// before, after: one optimizer step apart, at that learning rate.
PredictionCount count_predictions(const Snapshot& before, const Snapshot& after,
                                  const TrainerSection& options, double learning_rate);

}  // namespace dws
