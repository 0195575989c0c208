// What the games of one step earned. All games are counted that came in for the step and were
// young enough, those of groups that teach nothing too: leaving out the groups that always win
// would bend the curve.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/event_log.h"
#include "sync/games/game_group.h"

namespace dws {

class RewardStatistics {
public:
    void add(const GameGroup& group);

    // reward, reward_std (mean over groups of the population's deviation inside the group),
    // frac_reward_zero_std, and rewards/<outcome>/mean of each outcome. Empty without games.
    Facts facts() const;
    // "reward 1.21 turns 4.1 won 0.52"
    std::string line() const;

private:
    struct Sum {
        double total = 0;
        double count = 0;
        double mean() const { return total / count; }
    };
    Sum reward_;
    Sum deviation_;
    Sum is_without_variance_;
    std::map<std::string, Sum> outcomes_;  // as many as check_group() lets a group have
};

}  // namespace dws
