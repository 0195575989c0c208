#include "sync/upkeep/chain_costs.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

namespace dws {
namespace {

// An anchor of 1,000 bytes and deltas of 10 after it.
ChainCosts straight_road(CostModel model, int versions) {
    ChainCosts costs(std::move(model));
    costs.begin(100, 1'000);
    for (int version = 101; version <= 100 + versions; ++version)
        costs.add(version - 1, version, 10);
    return costs;
}

TEST(ChainCosts, TheRoadIsTheSumOfItsDeltas) {
    const ChainCosts costs = straight_road({}, 8);
    EXPECT_EQ(costs.road_bytes(100, 108), 80u);
    EXPECT_EQ(costs.road_bytes(104, 108), 40u);
    EXPECT_EQ(costs.catch_up_bytes(108), 1'080u);
}

TEST(ChainCosts, AFoldIsTakenOnlyWhereItIsCheaper) {
    ChainCosts costs = straight_road({}, 8);
    costs.add(100, 108, 90);
    EXPECT_EQ(costs.road_bytes(100, 108), 80u);
    costs.add(100, 108, 30);
    EXPECT_EQ(costs.road_bytes(100, 108), 30u);
    costs.add(108, 109, 10);
    EXPECT_EQ(costs.road_bytes(100, 109), 40u);
}

// (80 - fold) x readers > fold.
TEST(ChainCosts, AFoldIsWorthWhatItsReadersSaveTogether) {
    const auto most = [](double readers) {
        return straight_road({.expected_readers = readers}, 8).largest_fold_bytes(100, 108);
    };
    EXPECT_EQ(most(0), 0u);
    EXPECT_EQ(most(1), 39u);  // (80 - 39) x 1 > 39, (80 - 40) x 1 = 40
    EXPECT_EQ(most(3), 59u);
    EXPECT_EQ(most(1e6), 79u);
}

TEST(ChainCosts, ALongerFoldIsMeasuredAgainstShorterOnes) {
    ChainCosts costs = straight_road({.expected_readers = 1}, 8);
    costs.add(100, 108, 20);
    EXPECT_EQ(costs.largest_fold_bytes(100, 108), 9u);
}

TEST(ChainCosts, FewerStepsAreWorthBytes) {
    const ChainCosts costs = straight_road({.expected_readers = 1, .step_bytes = 5}, 8);
    EXPECT_EQ(costs.road_bytes(100, 108), 120u);
    EXPECT_EQ(costs.largest_fold_bytes(100, 108), 57u);  // (120 - 5 - 57) x 1 > 57
}

TEST(ChainCosts, AnAnchorIsNeededAboveItsShareOnly) {
    EXPECT_FALSE(straight_road({}, 30).needs_anchor(130));  // 300 of 1,000
    EXPECT_TRUE(straight_road({}, 31).needs_anchor(131));
    EXPECT_FALSE(straight_road({.anchor_share = 0.5}, 31).needs_anchor(131));
}

TEST(ChainCosts, ALaterAnchorBeginsAnew) {
    ChainCosts costs = straight_road({}, 31);
    costs.begin(131, 1'000);
    EXPECT_FALSE(costs.needs_anchor(131));
    EXPECT_EQ(costs.catch_up_bytes(131), 1'000u);
}

TEST(ChainCosts, AModelThatDoesNotFitIsRefused) {
    const std::vector<std::vector<std::int64_t>> unfit{{1}, {0}, {-8}, {8, 12}, {64, 8}, {8, 8}};
    for (const std::vector<std::int64_t>& versions : unfit)
        EXPECT_THROW(check({.fold_versions = versions}), std::runtime_error);
    EXPECT_THROW(check({.expected_readers = -1}), std::runtime_error);
    EXPECT_THROW(check({.expected_readers = std::numeric_limits<double>::infinity()}),
                 std::runtime_error);
    EXPECT_THROW(check({.anchor_share = 0}), std::runtime_error);
    EXPECT_NO_THROW(check({.fold_versions = {}}));
    EXPECT_NO_THROW(check({.fold_versions = {4, 8, 64}}));
}

}  // namespace
}  // namespace dws
