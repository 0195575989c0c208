#include "rollout_worker/boundary_plan.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace dws {
namespace {

// 0, 1, 2, ..: as many as wanted, with another token at `differs`.
std::vector<std::int32_t> counting(std::size_t tokens, std::size_t differs = 1000) {
    std::vector<std::int32_t> numbers(tokens);
    std::iota(numbers.begin(), numbers.end(), 0);
    if (differs < tokens) numbers[differs] = -1;
    return numbers;
}

TEST(BoundaryPlan, WhoLacksOneTokenComputesItWhateverTheBound) {
    const std::vector<std::int32_t> tokens = counting(50);
    const std::vector<BoundaryStep> steps =
        plan_boundary({{tokens, 10, 50, true}, {tokens, 49, 50, true}, {tokens, 49, 50, true}}, 5);
    ASSERT_EQ(steps.size(), 3u);
    EXPECT_EQ(steps[0].tokens, 5u);
    EXPECT_FALSE(steps[0].wants_logits);
    EXPECT_EQ(steps[1].tokens, 1u);
    EXPECT_TRUE(steps[1].wants_logits);
    EXPECT_EQ(steps[2].tokens, 1u);
}

TEST(BoundaryPlan, PromptsShareTheBoundFirstComeFirstServed) {
    const std::vector<std::int32_t> one = counting(30, 0), other = counting(30, 1),
                                    third = counting(30, 2);
    const std::vector<BoundaryStep> steps =
        plan_boundary({{one, 0, 30, true}, {other, 0, 30, true}, {third, 0, 30, true}}, 40);
    ASSERT_EQ(steps.size(), 2u);
    EXPECT_EQ(steps[0].tokens, 30u);
    EXPECT_TRUE(steps[0].wants_logits);
    EXPECT_EQ(steps[1].sequence, 1u);
    EXPECT_EQ(steps[1].tokens, 10u);
    EXPECT_FALSE(steps[1].wants_logits);
}

TEST(BoundaryPlan, WhoHasWhatIsWantedDoesNothing) {
    const std::vector<std::int32_t> tokens = counting(30);
    EXPECT_TRUE(plan_boundary({{tokens, 30, 30, false}, {tokens, 0, 0, false}}, 9).empty());
    EXPECT_TRUE(plan_boundary({}, 9).empty());
}

TEST(BoundaryPlan, ABeginningThatIsCachedIsTakenButForTheTokenToSampleBehind) {
    const std::vector<std::int32_t> tokens = counting(40);
    const std::vector<BoundaryStep> steps =
        plan_boundary({{tokens, 40, 40, false}, {tokens, 0, 40, true}}, 9);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].lender, 0u);
    EXPECT_EQ(steps[0].shared_tokens, 39u);
    EXPECT_EQ(steps[0].tokens, 1u);
    EXPECT_TRUE(steps[0].wants_logits);
}

TEST(BoundaryPlan, TheLongestCachedBeginningIsTaken) {
    const std::vector<std::int32_t> own = counting(60), nearer = counting(60, 50),
                                    farther = counting(60, 20);
    const std::vector<BoundaryStep> steps =
        plan_boundary({{farther, 60, 60, false}, {nearer, 60, 60, false}, {own, 0, 60, true}}, 100);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].lender, 1u);
    EXPECT_EQ(steps[0].shared_tokens, 50u);
    EXPECT_EQ(steps[0].tokens, 10u);
}

TEST(BoundaryPlan, WhoseBeginningIsBeingComputedWaitsForIt) {
    const std::vector<std::int32_t> tokens = counting(40);
    const std::vector<BoundaryStep> steps =
        plan_boundary({{tokens, 0, 40, true}, {tokens, 0, 40, true}, {tokens, 0, 40, true}}, 100);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].sequence, 0u);
}

TEST(BoundaryPlan, LessThanAPageInCommonIsComputed) {
    const std::vector<std::int32_t> tokens = counting(40), other = counting(40, 15);
    const std::vector<BoundaryStep> steps =
        plan_boundary({{tokens, 40, 40, false}, {other, 0, 40, true}}, 100);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].shared_tokens, 0u);
    EXPECT_EQ(steps[0].tokens, 40u);
}

TEST(BoundaryPlan, WhoMayNotLendIsNeitherTakenFromNorWaitedFor) {
    const std::vector<std::int32_t> tokens = counting(40);
    const std::vector<BoundaryStep> steps =
        plan_boundary({{tokens, 20, 40, true, false}, {tokens, 0, 40, true}}, 100);
    ASSERT_EQ(steps.size(), 2u);
    EXPECT_EQ(steps[1].shared_tokens, 0u);
    EXPECT_EQ(steps[1].tokens, 40u);
}

TEST(BoundaryPlan, ATakenBeginningIsLentOnAtTheSameBoundary) {
    const std::vector<std::int32_t> tokens = counting(40);
    const std::vector<BoundaryStep> steps = plan_boundary(
        {{tokens, 32, 32, false}, {tokens, 0, 32, false}, {tokens, 0, 32, false}}, 100);
    ASSERT_EQ(steps.size(), 2u);
    for (const BoundaryStep& step : steps) {
        EXPECT_EQ(step.shared_tokens, 32u);
        EXPECT_EQ(step.tokens, 0u);
    }
}

// Random sequences with common beginnings; every boundary brings somebody on.
TEST(BoundaryPlan, EverybodyIsDoneAfterFinitelyManyBoundaries) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        std::vector<std::vector<std::int32_t>> tokens;
        for (int i = 0; i < 12; ++i) {
            tokens.push_back(counting(1 + random() % 90, random() % 100));
        }
        std::vector<PlannedSequence> sequences;
        for (const auto& own : tokens) {
            sequences.push_back({own, 0, own.size(), random() % 2 == 0, random() % 8 != 0});
        }
        const std::size_t bound = 1 + random() % 60;
        for (int boundary = 0; boundary < 2000; ++boundary) {
            const std::vector<BoundaryStep> steps = plan_boundary(sequences, bound);
            if (steps.empty()) break;
            std::size_t computed = 0;
            for (const BoundaryStep& step : steps) {
                PlannedSequence& own = sequences[step.sequence];
                ASSERT_LE(step.shared_tokens, sequences[step.lender].cached);
                own.cached += step.shared_tokens;
                computed += own.wanted - own.cached > 1 ? step.tokens : 0;
                own.cached += step.tokens;
                ASSERT_LE(own.cached, own.wanted);
                ASSERT_EQ(step.wants_logits, own.is_sampling && own.cached == own.wanted);
            }
            ASSERT_LE(computed, bound);
        }
        for (const PlannedSequence& own : sequences) EXPECT_EQ(own.cached, own.wanted);
    }
}

}  // namespace
}  // namespace dws
