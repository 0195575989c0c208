#include "trainer_bridge/reward_statistics.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/trainer_bridge/small_groups.h"

namespace dws {
namespace {

std::map<std::string, double> numbers_of(const RewardStatistics& statistics) {
    std::map<std::string, double> numbers;
    for (const auto& [name, value] : statistics.facts()) numbers[name] = std::get<double>(value);
    return numbers;
}

// Group 1: rewards 1, 0; group 2: 1, 1, of no variance, and counted all the same.
TEST(RewardStatistics, CountsEveryGameOfEveryGroup) {
    RewardStatistics statistics;
    statistics.add(small_group({{1}, {0}}));
    statistics.add(small_group({{1}, {1}}));
    const std::map<std::string, double> numbers = numbers_of(statistics);
    EXPECT_DOUBLE_EQ(numbers.at("reward"), 0.75);
    EXPECT_DOUBLE_EQ(numbers.at("reward_std"), 0.25);
    EXPECT_DOUBLE_EQ(numbers.at("frac_reward_zero_std"), 0.5);
    EXPECT_DOUBLE_EQ(numbers.at("rewards/won/mean"), 0.75);
    EXPECT_EQ(statistics.line(), "reward 0.75 won 0.75");
}

TEST(RewardStatistics, SaysNothingWithoutGames) { EXPECT_TRUE(RewardStatistics().facts().empty()); }

}  // namespace
}  // namespace dws
