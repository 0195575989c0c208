// Every expected number is worked out by hand from the formula in reward.h.
#include "rollout_worker/reward.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

constexpr RewardWeights kWeights{};  // win 1, speed 0.5, green 0.1, yellow 0.03, valid 0.2
constexpr int kTurns = 6;

void expect_rewards(const std::vector<TurnOutcome>& turns, const std::vector<double>& expected) {
    const std::vector<float> rewards = turn_rewards(kWeights, turns, kTurns);
    ASSERT_EQ(rewards.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_NEAR(rewards[i], expected[i], 1e-6) << "turn " << i;
    }
}

TEST(Reward, OnlyAnImprovementOfTheBestGuessPays) {
    // 2 G = 0.2; 1 G 1 Y = 0.13 is no improvement; 2 G 2 Y = 0.26.
    expect_rewards({{2, 0, false, false}, {1, 1, false, false}, {2, 2, false, false}},
                   {0.2, 0.0, 0.06});
}

TEST(Reward, AWordOfTheListPaysASixthOfItsWeight) {
    expect_rewards({{0, 0, true, false}, {0, 0, false, false}}, {0.2 / 6, 0.0});
}

TEST(Reward, WinningEarlyPaysMore) {
    expect_rewards({{5, 0, true, true}}, {0.5 + 0.2 / 6 + 1.5});
    expect_rewards({{0, 0, false, false}, {5, 0, true, true}}, {0.0, 0.5 + 0.2 / 6 + 1.4});
    const TurnOutcome nothing;
    expect_rewards({nothing, nothing, nothing, nothing, nothing, {5, 0, true, true}},
                   {0, 0, 0, 0, 0, 0.5 + 0.2 / 6 + 1.0});
}

TEST(Reward, AGamesRewardIsThatOfItsLastGuess) {
    const std::vector<TurnOutcome> lost{{4, 0, true, false}, {1, 2, false, false}};
    EXPECT_NEAR(game_reward(kWeights, lost, kTurns), 0.1 + 0.06 + 0.2 * 0.5, 1e-6);
    const std::vector<TurnOutcome> won{
        {0, 1, true, false}, {1, 1, true, false}, {5, 0, true, true}};
    EXPECT_NEAR(game_reward(kWeights, won, kTurns), 1 + 0.5 * 3 / 5 + 0.5 + 0.2, 1e-6);
}

TEST(Reward, TheBestGameEarnsTwoPointTwo) {
    const std::vector<TurnOutcome> turns{{5, 0, true, true}};
    EXPECT_NEAR(game_reward(kWeights, turns, kTurns), 2.2, 1e-6);
}

TEST(Reward, TheSpeedBonusIsAShareOfTheWin) {
    RewardWeights weights;
    weights.win = 2;
    weights.green = weights.valid = 0;
    const std::vector<TurnOutcome> turns{{0, 0, false, false}, {5, 0, true, true}};
    EXPECT_NEAR(game_reward(weights, turns, kTurns), 2 * (1 + 0.5 * 4 / 5), 1e-6);
}

TEST(Reward, TheValidShareCountsGuesses) {
    const std::vector<TurnOutcome> turns{
        {0, 0, true, false}, {0, 0, false, false}, {0, 0, true, false}, {0, 0, true, false}};
    EXPECT_DOUBLE_EQ(valid_share(turns), 0.75);
    EXPECT_DOUBLE_EQ(valid_share({}), 0);
}

}  // namespace
}  // namespace dws
