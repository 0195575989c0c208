#include "sync/trained_steps.h"

#include <gtest/gtest.h>

#include "sync/pending.h"

namespace dws {
namespace {

TEST(TrainedSteps, GroupsThatFollowOnMakeOneRun) {
    TrainedStep step;
    for (const std::int64_t number : {4, 5, 7}) add_group(step, 0, number);
    add_group(step, 1, 8);
    add_group(step, 0, 8);
    EXPECT_EQ(step, (TrainedStep{{0, 4, 2}, {0, 7, 1}, {1, 8, 1}, {0, 8, 1}}));
}

// The later part has its workers in another order, and one more of them.
TEST(TrainedSteps, MergedStepsNameTheMergedWorkers) {
    Pending held;
    held.games = {{"b", 0, 2, {}, {}, {}}, {"c", 0, 1, {}, {}, {}}};
    held.trained = {{{1, 0, 1}, {0, 0, 2}}};
    held.steps = held.trainer_step = 1;
    Pending later;
    later.games = {{"a", 0, 1, {}, {}, {}}, {"b", 2, 4, {3}, {}, {}}};
    later.trained = {{{1, 2, 1}, {0, 0, 1}}};
    later.steps = 1;
    later.trainer_step = 2;
    held.merge(later);
    EXPECT_EQ(held.trained,
              (std::vector<TrainedStep>{{{1, 0, 1}, {0, 0, 2}}, {{0, 2, 1}, {2, 0, 1}}}));
    EXPECT_EQ(steps_fault(held.trained, held.games), "");
}

TEST(TrainedSteps, NoStepsSayNothingAboutGames) {
    EXPECT_EQ(steps_fault({}, {{"a", 0, 3, {}, {}, {}}}), "");
}

TEST(TrainedSteps, ARunAcrossAHoleIsRefused) {
    const std::vector<GamesConsumed> games{{"a", 0, 5, {2}, {}, {}}};
    EXPECT_EQ(steps_fault({{{0, 0, 2}, {0, 3, 2}}}, games), "");
    EXPECT_NE(steps_fault({{{0, 0, 5}}}, games), "");
    EXPECT_NE(steps_fault({{{0, 0, 2}, {0, 3, 1}}}, games), "");
    EXPECT_NE(steps_fault({{{0, 0, 2}, {0, 1, 1}, {0, 3, 2}}}, games), "");
}

}  // namespace
}  // namespace dws
