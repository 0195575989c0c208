#include "trainer_bridge/reward_statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dws {

void RewardStatistics::add(const GameGroup& group) {
    const double games = static_cast<double>(group.games.size());
    double sum = 0, squares = 0;
    for (const Game& game : group.games) sum += static_cast<double>(game.reward);
    for (const Game& game : group.games) {
        squares += std::pow(static_cast<double>(game.reward) - sum / games, 2);
    }
    const double deviation = std::sqrt(squares / games);
    reward_.total += sum;
    reward_.count += games;
    deviation_.total += deviation;
    deviation_.count += 1;
    is_without_variance_.total += deviation < 1e-6 ? 1 : 0;
    is_without_variance_.count += 1;
    for (const auto& [name, values] : group.outcomes) {
        Sum& outcome = outcomes_[name];
        for (const float value : values) outcome.total += static_cast<double>(value);
        outcome.count += games;
    }
}

Facts RewardStatistics::facts() const {
    if (reward_.count == 0) return {};
    Facts facts = {{"reward", reward_.mean()},
                   {"reward_std", deviation_.mean()},
                   {"frac_reward_zero_std", is_without_variance_.mean()}};
    for (const auto& [name, sum] : outcomes_) {
        facts.emplace_back("rewards/" + name + "/mean", sum.mean());
    }
    return facts;
}

std::string RewardStatistics::line() const {
    if (reward_.count == 0) return "no games";
    std::string text = fmt::format("reward {:.2f}", reward_.mean());
    for (const auto& [name, sum] : outcomes_) {
        text += fmt::format(" {} {:.2f}", name, sum.mean());
    }
    return text;
}

}  // namespace dws
