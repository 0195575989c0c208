// What a game earns, from what the environment says of each turn.
//
//   turn k    the improvement of the best guess so far (green * G + yellow * Y)
//             + valid / T when the guess is a word
//             + on the winning turn win * (1 + speed * (T - k) / (T - 1))
//   game      win * (1 + speed * (T - t) / (T - 1)) + green * G + yellow * Y of the last guess
//             + valid * the share of guesses that are words
//
// T: turns the game allows. The turns' sum is not the game's reward: turns tell the trainer which
// guess was useful, the game's reward is what is reported.
#pragma once

#include <span>
#include <vector>

namespace dws {

struct RewardWeights {
    double win = 1;
    double speed = 0.5;  // share of `win` added for winning on turn 1, falling to 0 on turn T
    double green = 0.1;
    double yellow = 0.03;
    double valid = 0.2;
};

struct TurnOutcome {
    int greens = 0;
    int yellows = 0;
    bool is_valid = false;
    bool has_won = false;
};

// turns: (turns played,), at least one.
std::vector<float> turn_rewards(const RewardWeights& weights, std::span<const TurnOutcome> turns,
                                int turns_max);
float game_reward(const RewardWeights& weights, std::span<const TurnOutcome> turns, int turns_max);
double valid_share(std::span<const TurnOutcome> turns);

}  // namespace dws
