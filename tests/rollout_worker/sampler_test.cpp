#include "rollout_worker/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "rollout_worker/seeds.h"

namespace dws {
namespace {

std::vector<float> logs(const std::vector<double>& probabilities) {
    std::vector<float> result;
    for (const double p : probabilities) result.push_back(static_cast<float>(std::log(p)));
    return result;
}

TEST(Sampler, TheUniformNumberChoosesItsStretchOfTheDistribution) {
    const std::vector<float> logprobs = logs({0.25, 0.5, 0.25});
    EXPECT_EQ(sample(logprobs, 0.0), 0u);
    EXPECT_EQ(sample(logprobs, 0.24), 0u);
    EXPECT_EQ(sample(logprobs, 0.26), 1u);
    EXPECT_EQ(sample(logprobs, 0.74), 1u);
    EXPECT_EQ(sample(logprobs, 0.76), 2u);
    EXPECT_EQ(sample(logprobs, std::nextafter(1.0, 0.0)), 2u);
}

TEST(Sampler, WhatHasNoProbabilityIsNeverDrawn) {
    std::vector<float> logprobs = logs({0.5, 0.5, 1.0});
    logprobs.insert(logprobs.begin(), -INFINITY);
    logprobs.back() = -INFINITY;
    for (const double uniform : {0.0, 0.4999, 0.5001, 0.9999999}) {
        const std::size_t choice = sample(logprobs, uniform);
        EXPECT_TRUE(choice == 1 || choice == 2) << choice;
    }
}

// Pearson's statistic over 5 tokens has 4 degrees of freedom: above 23.5 with probability 1e-4.
TEST(Sampler, DrawsFollowTheDistribution) {
    const std::vector<double> probabilities{0.02, 0.4, 0.08, 0.3, 0.2};
    const std::vector<float> logprobs = logs(probabilities);
    constexpr std::uint64_t kSeed = 20'251'122;
    constexpr int kDraws = 100'000;
    std::vector<int> counts(probabilities.size(), 0);
    for (int i = 0; i < kDraws; ++i) {
        counts[sample(logprobs, uniform_at(kSeed, static_cast<std::uint64_t>(i)))] += 1;
    }
    double statistic = 0;
    for (std::size_t token = 0; token < counts.size(); ++token) {
        const double expected = kDraws * probabilities[token];
        statistic += (counts[token] - expected) * (counts[token] - expected) / expected;
    }
    EXPECT_LT(statistic, 23.5) << "seed " << kSeed;
}

TEST(Seeds, NeighboursAreUnrelated) {
    double sum = 0, product = 0;
    constexpr int kPairs = 20'000;
    for (std::uint64_t i = 0; i < kPairs; ++i) {
        const double a = uniform_at(i, 7), b = uniform_at(i + 1, 7);
        EXPECT_GE(a, 0.0);
        EXPECT_LT(a, 1.0);
        sum += a;
        product += (a - 0.5) * (b - 0.5);
    }
    // Five standard deviations: sqrt(1/12 / n) of the mean, 1/12 / sqrt(n) of the covariance.
    EXPECT_NEAR(sum / kPairs, 0.5, 5 * std::sqrt(1.0 / 12 / kPairs));
    EXPECT_NEAR(product / kPairs, 0.0, 5.0 / 12 / std::sqrt(kPairs));
}

TEST(Seeds, WorkersGroupsAndPlacesAllMatter) {
    EXPECT_NE(derive_seed(1, "a"), derive_seed(1, "b"));
    EXPECT_NE(derive_seed(1, "ab"), derive_seed(1, "ba"));
    EXPECT_NE(derive_seed(1, ""), derive_seed(2, ""));
    EXPECT_NE(derive_seed(1, std::uint64_t{2}), derive_seed(2, std::uint64_t{1}));
    EXPECT_EQ(derive_seed(3, "worker"), derive_seed(3, "worker"));
}

}  // namespace
}  // namespace dws
