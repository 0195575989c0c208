// Small sound groups for tests; each test spoils what it is about.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sync/games/game_group.h"

namespace dws {

// BOS, then per turn one sampled token of the allowed {1, 2, 3} and one of the environment's (4).
inline Game small_game(const std::vector<float>& turn_rewards, std::int64_t step) {
    Game game;
    const auto append = [&](std::int32_t token, std::size_t turn, bool is_sampled) {
        game.tokens.push_back(token);
        game.turns.push_back(static_cast<std::int32_t>(turn));
        game.loss_mask.push_back(is_sampled ? 1 : 0);
        game.logprobs.push_back(is_sampled ? -1.0986f : 0);
        game.versions.push_back(is_sampled ? step : kNoVersion);
        game.steps.push_back(is_sampled ? step : kNoVersion);
    };
    append(0, 0, false);
    for (std::size_t turn = 0; turn < turn_rewards.size(); ++turn) {
        append(static_cast<std::int32_t>(1 + turn % 3), turn, true);
        append(4, turn, false);
        game.reward += turn_rewards[turn];
    }
    game.turn_rewards = turn_rewards;
    return game;
}

// One game per list of turn rewards.
inline GameGroup small_group(const std::vector<std::vector<float>>& rewards,
                             std::int64_t step = 0) {
    GameGroup group;
    group.worker = "worker";
    group.allowed_tokens = {1, 2, 3};
    for (const std::vector<float>& turn_rewards : rewards) {
        group.games.push_back(small_game(turn_rewards, step));
        group.outcomes["won"].push_back(group.games.back().reward > 0.5f ? 1.0f : 0.0f);
    }
    return group;
}

}  // namespace dws
