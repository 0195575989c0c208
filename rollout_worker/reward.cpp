#include "rollout_worker/reward.h"

#include <algorithm>

#include "base/require.h"

namespace dws {
namespace {

double closeness(const RewardWeights& weights, const TurnOutcome& turn) {
    return weights.green * turn.greens + weights.yellow * turn.yellows;
}

double win_reward(const RewardWeights& weights, std::size_t turns_used, int turns_max) {
    const double left = std::max(0.0, turns_max - static_cast<double>(turns_used));
    return weights.win * (1 + weights.speed * left / std::max(1, turns_max - 1));
}

}  // namespace

std::vector<float> turn_rewards(const RewardWeights& weights, std::span<const TurnOutcome> turns,
                                int turns_max) {
    std::vector<float> rewards;
    double best = 0;
    for (const TurnOutcome& turn : turns) {
        const double reached = std::max(best, closeness(weights, turn));
        double reward = reached - best;
        best = reached;
        if (turn.is_valid) reward += weights.valid / turns_max;
        if (turn.has_won) reward += win_reward(weights, rewards.size() + 1, turns_max);
        rewards.push_back(static_cast<float>(reward));
    }
    return rewards;
}

float game_reward(const RewardWeights& weights, std::span<const TurnOutcome> turns, int turns_max) {
    require(!turns.empty(), "a finished game has turns");
    double reward = closeness(weights, turns.back()) + weights.valid * valid_share(turns);
    if (turns.back().has_won) reward += win_reward(weights, turns.size(), turns_max);
    return static_cast<float>(reward);
}

double valid_share(std::span<const TurnOutcome> turns) {
    const auto valid = std::ranges::count_if(turns, &TurnOutcome::is_valid);
    return turns.empty() ? 0 : static_cast<double>(valid) / static_cast<double>(turns.size());
}

}  // namespace dws
