#include "trainer_bridge/advantage.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "tests/trainer_bridge/small_groups.h"

namespace dws {
namespace {

// Returns to go: game 0: 3, 2; game 1: 1; so means: turn 0: 2, turn 1: 2 (game 0 is alone).
// Differences: +1, 0; -1. Their root mean square: sqrt(2 / 3).
TEST(Advantage, OfATurnIsAgainstTheGamesStillAlive) {
    const Advantages advantages = group_advantages(small_group({{1, 2}, {1}}), AdvantageMode::turn);
    const double expected = 1 / (std::sqrt(2.0 / 3) + 0.01);
    ASSERT_EQ(advantages.size(), 2u);
    EXPECT_NEAR(advantages[0][0], expected, 1e-6);
    EXPECT_NEAR(advantages[0][1], 0, 1e-6);
    EXPECT_NEAR(advantages[1][0], -expected, 1e-6);
}

// What was earned before a turn is not its merit.
TEST(Advantage, OfATurnIgnoresEarlierRewards) {
    const Advantages advantages =
        group_advantages(small_group({{5, 1}, {0, 1}}), AdvantageMode::turn);
    EXPECT_NEAR(advantages[0][1], 0, 1e-6);
    EXPECT_GT(advantages[0][0], 0);
}

// Rewards 3, 1, 2: mean 2, deviation sqrt(2 / 3); every turn of a game shares it.
TEST(Advantage, OfAnEpisodeIsTheSameForEveryTurn) {
    const Advantages advantages =
        group_advantages(small_group({{1, 2}, {1}, {0, 2}}), AdvantageMode::episode);
    const double expected = 1 / (std::sqrt(2.0 / 3) + 0.01);
    EXPECT_NEAR(advantages[0][0], expected, 1e-6);
    EXPECT_NEAR(advantages[0][1], expected, 1e-6);
    EXPECT_NEAR(advantages[1][0], -expected, 1e-6);
    EXPECT_NEAR(advantages[2][1], 0, 1e-6);
}

TEST(Advantage, EqualGamesHaveNoVariance) {
    const GameGroup equal = small_group({{1, 0.5f}, {1, 0.5f}});
    EXPECT_TRUE(has_no_variance(equal, AdvantageMode::turn));
    EXPECT_TRUE(has_no_variance(equal, AdvantageMode::episode));
}

// Same sum, other order: the turns differ, the episodes do not.
TEST(Advantage, VarianceIsJudgedByTheMode) {
    const GameGroup group = small_group({{1, 0.5f}, {0.5f, 1}});
    EXPECT_FALSE(has_no_variance(group, AdvantageMode::turn));
    EXPECT_TRUE(has_no_variance(group, AdvantageMode::episode));
}

TEST(Advantage, UnknownModeNamesTheKnown) {
    EXPECT_THROW(advantage_mode("turns"), std::runtime_error);
    EXPECT_EQ(advantage_mode("turn"), AdvantageMode::turn);
    EXPECT_EQ(advantage_mode("episode"), AdvantageMode::episode);
}

}  // namespace
}  // namespace dws
