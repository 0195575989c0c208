// A trainer's weights and moments at one moment, for looking at what a step did.
#pragma once

#include <cstdint>
#include <vector>

#include "model/weights.h"
#include "trainer_bridge/trainer.h"

namespace dws {

// All (elements,) of the trainer's flat array; gaps between arrays hold zeros.
struct Snapshot {
    std::int64_t optimizer_steps = 0;
    std::vector<float> master, first_moment, second_moment;
    std::vector<Bf16> published;
};

Snapshot snapshot_of(Trainer& trainer);

}  // namespace dws
