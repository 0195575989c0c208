// The theory of rounding, and the counting it is compared with.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "experiments/density/change_count.h"
#include "experiments/density/moment_prediction.h"

namespace dws {
namespace {

TEST(Rounding, AnUlpIsTheDistanceOfNeighbours) {
    for (const float value : {1.0f, 0.02f, 3e-5f, 100.0f}) {
        const Bf16 word = to_bf16(value);
        const double distance = static_cast<double>(from_bf16(static_cast<Bf16>(word + 1))) -
                                static_cast<double>(from_bf16(word));
        EXPECT_EQ(ulp_of(exponent_of(word)), distance) << value;
    }
    EXPECT_EQ(ulp_of(0), static_cast<double>(from_bf16(1)));  // subnormal
}

TEST(Rounding, AnUpdateOfAnUlpAlwaysChangesTheWord) {
    const int exponent = exponent_of(to_bf16(0.02f));
    const double ulp = ulp_of(exponent);
    EXPECT_EQ(expected_change(ulp, exponent), 1);
    EXPECT_EQ(expected_change(-3 * ulp, exponent), 1);
    EXPECT_EQ(expected_change(ulp / 4, exponent), 0.25);
    EXPECT_TRUE(passes_half_ulp(-ulp / 2, exponent));
    EXPECT_FALSE(passes_half_ulp(0.49 * ulp, exponent));
}

Snapshot snapshot(std::vector<float> master, std::int64_t steps = 0) {
    Snapshot made{.optimizer_steps = steps,
                  .master = std::move(master),
                  .first_moment = {},
                  .second_moment = {},
                  .published = {}};
    made.published = round_to_bf16(made.master);
    made.first_moment.resize(made.master.size());
    made.second_moment.resize(made.master.size());
    return made;
}

// Masters anywhere in their intervals: the expectation is what happens, within four deviations.
TEST(ChangeCount, AgreesWithTheTheoryForMastersAnywhere) {
    constexpr std::size_t kWords = 200'000;
    constexpr std::uint64_t kSeed = 5;
    std::mt19937_64 random(kSeed);
    std::normal_distribution<float> weight(0, 0.02f), update(0, 1e-5f);
    std::vector<float> before(kWords), after(kWords);
    for (std::size_t i = 0; i < kWords; ++i) {
        before[i] = weight(random);
        after[i] = before[i] + update(random);
    }
    ExponentCounts counts{};
    count_changes(snapshot(before), snapshot(after), counts);
    const ChangeCount all = sum_of(counts);
    EXPECT_EQ(all.words, static_cast<double>(kWords));
    EXPECT_GT(all.changed, 1'000);
    EXPECT_NEAR(all.changed, all.expected, 4 * std::sqrt(all.expected)) << "seed " << kSeed;
}

TEST(ChangeCount, LeavesTheGapsOut) {
    ExponentCounts counts{};
    count_changes(snapshot({0, 0.5f, 0}), snapshot({0, 0.75f, 0}), counts);
    EXPECT_EQ(sum_of(counts).words, 1);
    EXPECT_EQ(sum_of(counts).changed, 1);
    EXPECT_EQ(sum_of(counts).half_ulp, 1);
}

// Two masters near the ends of their intervals: one crosses with an update far below half an ulp,
// one stays with an update just above.
TEST(MomentPrediction, TheThresholdMissesAndCriesWolf) {
    TrainerSection options;
    options.beta2 = 0.999;
    const float ulp = static_cast<float>(ulp_of(exponent_of(to_bf16(1.0f))));
    const double rate = 0.6 * static_cast<double>(ulp);
    Snapshot before = snapshot({1 + 0.49f * ulp, 1 - 0.1f * ulp}, 7);
    Snapshot after = before;
    after.optimizer_steps = 8;
    // m and v so that the update is share * rate.
    const auto take = [&](std::size_t i, float share) {
        after.first_moment[i] = share * static_cast<float>(1 - std::pow(options.beta1, 8));
        after.second_moment[i] = static_cast<float>(1 - std::pow(options.beta2, 8));
        after.master[i] = before.master[i] - share * static_cast<float>(rate);
    };
    take(0, -0.1f);
    take(1, -0.9f);
    after.published = round_to_bf16(after.master);
    const PredictionCount count = count_predictions(before, after, options, rate);
    EXPECT_EQ(count.changed, 1);
    EXPECT_EQ(count.threshold.missed, 1);
    EXPECT_EQ(count.threshold.cried_wolf, 1);
    EXPECT_EQ(count.foretold.missed, 1);  // no moments before the step: nothing is foretold
    EXPECT_EQ(count.foretold.cried_wolf, 0);
    EXPECT_EQ(count.undone.missed, 0);
    EXPECT_EQ(count.undone.cried_wolf, 0);
}

}  // namespace
}  // namespace dws
