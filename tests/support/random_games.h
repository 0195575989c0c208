// Groups of games with random contents, such as a worker could have played.
#pragma once

#include <cstdint>
#include <vector>

#include "sync/games/game_group.h"
#include "tests/support/random_arrays.h"

namespace dws {

// tokens: all sampled but the first of each game.
inline Game random_game(Random& random, std::size_t tokens) {
    Game game;
    for (std::size_t token = 0; token < tokens; ++token) {
        const bool is_sampled = token > 0;
        game.tokens.push_back(static_cast<std::int32_t>(random() % 30));
        game.turns.push_back(static_cast<std::int32_t>(2 * token / tokens));
        game.loss_mask.push_back(is_sampled ? 1 : 0);
        game.logprobs.push_back(is_sampled ? -0.125f * static_cast<float>(random() % 16) : 0);
        game.versions.push_back(is_sampled ? static_cast<std::int64_t>(random() % 9) : kNoVersion);
        game.steps.push_back(is_sampled ? game.versions.back() + 3 : kNoVersion);
    }
    game.turn_rewards = {0.5f, 1.25f};
    game.reward = 1.75f;
    return game;
}

inline GameGroup random_group(Random& random, std::size_t games) {
    GameGroup group;
    group.worker = "worker-1";
    group.seed = random();
    group.allowed_tokens = {3, 1, 4};
    group.temperature = 0.75f;
    for (std::size_t game = 0; game < games; ++game)
        group.games.push_back(random_game(random, 2 + random() % 30));
    group.outcomes["won"] = std::vector<float>(games, 1);
    group.outcomes["turns"] = std::vector<float>(games, 2);
    return group;
}

}  // namespace dws
