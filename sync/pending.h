// Changes that no version holds yet. While the publisher is busy steps merge into them, per tile:
// the first old and the last new word are kept, a word that came back is dropped. Size is bounded
// by the model (10 bytes a word at worst), whatever the number of steps.
#pragma once

#include <cstdint>
#include <vector>

#include "sync/changes.h"
#include "sync/record.h"

namespace dws {

// What one or several optimizer steps add to the next version.
struct Pending {
    Changes changes;
    std::vector<GamesConsumed> games;
    // Of each step, in order; workers are indices into games. Empty: not said.
    std::vector<TrainedStep> trained = {};
    std::int64_t trainer_step = 0;  // after the last of them
    std::int64_t steps = 0;         // how many; 0: at most decided games, or a rollback
    bool is_rollback = false;       // back to trainer_step; a version by itself

    // later: steps that follow directly on those held here.
    void merge(Pending later);
};

void merge(TileChanges& held, const TileChanges& later);
void merge(std::vector<GamesConsumed>& held, const std::vector<GamesConsumed>& later);

}  // namespace dws
