// Which groups each optimizer step of a version was trained on, in the trainer's order. With it a
// trainer that was killed takes the very same steps again, from its last checkpoint on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dws {

struct GamesConsumed;

// Groups of one worker that stand one behind the other: numbers first..first+count-1.
struct TrainedRun {
    std::uint64_t worker = 0;  // index into the `games` beside it
    std::int64_t first = 0;
    std::int64_t count = 0;
    bool operator==(const TrainedRun&) const = default;
};

// One optimizer step's groups, as few runs as can be.
using TrainedStep = std::vector<TrainedRun>;

// Appends one group, to the last run where it goes on there.
void add_group(TrainedStep& step, std::uint64_t worker, std::int64_t number);

// Appends later's steps; held_games is what games became when later_games were merged into them.
void append_steps(std::vector<TrainedStep>& held, const std::vector<GamesConsumed>& held_games,
                  const std::vector<TrainedStep>& later,
                  const std::vector<GamesConsumed>& later_games);

// Why the steps are not exactly the trained groups of `games`, each in one step, in their one form;
// empty when they are, or when there are no steps.
std::string steps_fault(const std::vector<TrainedStep>& steps,
                        const std::vector<GamesConsumed>& games);

}  // namespace dws
