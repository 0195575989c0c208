// How much better a turn went than the group's other games: what GRPO learns from instead of a
// value network (Shao et al. 2024, arXiv:2402.03300, section 4.1).
#pragma once

#include <string>
#include <vector>

#include "sync/games/game_group.h"

namespace dws {

enum class AdvantageMode {
    // R_k = rewards of turns k, k+1, ...; minus its mean over the games still alive at turn k;
    // divided by (the root mean square of all these differences in the group + 0.01).
    turn,
    // (reward - mean) / (standard deviation + 0.01) over the group's games; the same for every
    // turn. The deviation is the population's (divided by the number of games).
    episode,
};

// Throws std::runtime_error naming the two modes.
AdvantageMode advantage_mode(const std::string& name);

// (games, turns of the game): shared by all sampled tokens of that turn.
using Advantages = std::vector<std::vector<float>>;

Advantages group_advantages(const GameGroup& group, AdvantageMode mode);

// True when every advantage would be 0: the group did the same throughout, nothing tells its games
// apart. Differences below 1e-6 are rounding.
bool has_no_variance(const GameGroup& group, AdvantageMode mode);

}  // namespace dws
