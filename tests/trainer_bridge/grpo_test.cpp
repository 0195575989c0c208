#include "trainer_bridge/grpo.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

#include "trainer_bridge/cross_entropy.h"
#include "trainer_bridge/policy_row.h"

namespace dws {
namespace {

constexpr std::size_t kVocabulary = 6;

// Four rows of two rules. Behaviours: 0 and 3 are near the policy, 1 was much less and 2 much
// more likely to take the token.
struct Case {
    TrainingBatch batch;
    std::vector<float> logits;

    Case() {
        std::mt19937 random(4);
        std::normal_distribution<float> normal(0, 1);
        logits.resize(4 * kVocabulary);
        for (float& logit : logits) logit = normal(random);
        batch.targets = {1, 3, 4, 2};
        batch.advantages = {0.7f, 1.5f, -0.8f, -1.1f};
        batch.rules = {{{1, 3, 4}, 0.7f}, {{}, 1}};
        batch.rule_of_row = {0, 0, 1, 1};
        const double shifts[] = {0.05, -1.5, 1.2, -0.1};
        PolicyRow policy;
        for (std::size_t row = 0; row < 4; ++row) {
            policy.load(row_of(logits, row), batch.rules[batch.rule_of_row[row]]);
            batch.behaviour_logprobs.push_back(
                static_cast<float>(policy.logprob(batch.targets[row]) + shifts[row]));
        }
    }

    static std::span<const float> row_of(const std::vector<float>& rows, std::size_t row) {
        return std::span(rows).subspan(row * kVocabulary, kVocabulary);
    }

    double logprob(const std::vector<float>& at, std::size_t row) const {
        PolicyRow policy;
        policy.load(row_of(at, row), batch.rules[batch.rule_of_row[row]]);
        return policy.logprob(batch.targets[row]);
    }

    // The loss with the truncated weights held at the logits of this case (their gradient is
    // stopped), written independently of grpo.cpp.
    double loss(const GrpoOptions& options, const std::vector<float>& at) const {
        double sum = 0;
        for (std::size_t row = 0; row < 4; ++row) {
            const double behaviour = static_cast<double>(batch.behaviour_logprobs[row]);
            const double advantage = static_cast<double>(batch.advantages[row]);
            const double held = std::exp(logprob(logits, row) - behaviour);
            const double ratio = std::exp(logprob(at, row) - behaviour);
            const double low = 1 - options.ratio_clip, high = 1 + options.ratio_clip;
            const double clipped = ratio < low ? low : (ratio > high ? high : ratio);
            switch (options.correction) {
                case Correction::truncated:
                    sum -= std::min(held, options.ratio_max) * advantage * logprob(at, row);
                    break;
                case Correction::clipped:
                    sum -= std::min(ratio * advantage, clipped * advantage);
                    break;
                case Correction::off:
                    sum -= advantage * logprob(at, row);
                    break;
            }
        }
        return sum / 4;
    }
};

struct GrpoGradient : ::testing::TestWithParam<Correction> {};

TEST_P(GrpoGradient, EqualsFiniteDifferences) {
    const Case test;
    const GrpoOptions options{.correction = GetParam()};
    std::vector<float> d_logits(test.logits.size(), 99);
    GrpoMetrics metrics;
    grpo_loss(options, test.batch, 4, test.logits, d_logits, metrics);
    EXPECT_NEAR(metrics.loss, test.loss(options, test.logits), 1e-5);
    for (std::size_t i = 0; i < test.logits.size(); ++i) {
        const float h = 1e-2f;
        std::vector<float> up = test.logits, down = test.logits;
        up[i] += h;
        down[i] -= h;
        const double difference =
            (test.loss(options, up) - test.loss(options, down)) / (2 * static_cast<double>(h));
        EXPECT_NEAR(d_logits[i], difference, 2e-4) << "logit " << i;
    }
}
INSTANTIATE_TEST_SUITE_P(Corrections, GrpoGradient,
                         ::testing::Values(Correction::truncated, Correction::clipped,
                                           Correction::off));

TEST(Grpo, CountsTheTokensTheCorrectionHeldBack) {
    const Case test;
    std::vector<float> d_logits(test.logits.size());
    const auto at_cap = [&](Correction correction) {
        GrpoMetrics metrics;
        grpo_loss({.correction = correction}, test.batch, 4, test.logits, d_logits, metrics);
        return metrics.at_cap;
    };
    EXPECT_NEAR(at_cap(Correction::truncated), 0.25, 1e-9);  // row 1: e^1.5 is above 2
    EXPECT_NEAR(at_cap(Correction::clipped), 0.5, 1e-9);     // and row 2: e^-1.2 with A < 0
    EXPECT_EQ(at_cap(Correction::off), 0);
}

TEST(Grpo, MetricsAreThoseOfTheRatios) {
    Case test;
    std::vector<float> d_logits(test.logits.size());
    GrpoMetrics metrics;
    grpo_loss({}, test.batch, 4, test.logits, d_logits, metrics);
    double ratio = 0, kl = 0;
    for (const double shift : {0.05, -1.5, 1.2, -0.1}) {
        ratio += std::exp(-shift) / 4;
        kl += (std::exp(-shift) - 1 + shift) / 4;
    }
    EXPECT_NEAR(metrics.ratio, ratio, 1e-5);
    EXPECT_NEAR(metrics.kl, kl, 1e-5);
}

TEST(Grpo, EntropyIsOverTheAllowedTokens) {
    Case test;
    test.logits.assign(test.logits.size(), 0);
    std::vector<float> d_logits(test.logits.size());
    GrpoMetrics metrics;
    grpo_loss({}, test.batch, 4, test.logits, d_logits, metrics);
    EXPECT_NEAR(metrics.entropy, (std::log(3.0) + std::log(6.0)) / 2, 1e-5);
}

TEST(Grpo, AnImpossibleBehaviourKeepsEverythingFinite) {
    Case test;
    test.batch.behaviour_logprobs = {-100, -100, 0, -100};
    std::vector<float> d_logits(test.logits.size());
    GrpoMetrics metrics;
    grpo_loss({.correction = Correction::clipped}, test.batch, 4, test.logits, d_logits, metrics);
    EXPECT_TRUE(std::isfinite(metrics.loss));
    for (const float gradient : d_logits) EXPECT_TRUE(std::isfinite(gradient));
}

TEST(Grpo, RangesOfRowsAddUpToTheBatch) {
    const Case test;
    std::vector<float> whole(test.logits.size()), parts(test.logits.size());
    GrpoMetrics metrics, added;
    grpo_loss({}, test.batch, 4, test.logits, whole, metrics);
    for (const RowRange range : {RowRange{0, 1}, RowRange{1, 2}, RowRange{3, 9}}) {
        const std::size_t rows = rows_within(test.batch, range).count;
        const std::size_t at = range.first * kVocabulary, size = rows * kVocabulary;
        grpo_loss({}, test.batch, 4, std::span(test.logits).subspan(at, size),
                  std::span(parts).subspan(at, size), added, range);
    }
    EXPECT_EQ(parts, whole);
    EXPECT_EQ(added.loss, metrics.loss);
    EXPECT_EQ(added.ratio, metrics.ratio);
    EXPECT_EQ(added.kl, metrics.kl);
    EXPECT_EQ(added.entropy, metrics.entropy);
    EXPECT_EQ(added.at_cap, metrics.at_cap);
}

// A large vocabulary without a rule: every column counts, and threads share the rows.
struct LargeCase {
    static constexpr std::size_t kColumns = 20'011;
    TrainingBatch batch;
    std::vector<float> logits;

    LargeCase() : logits(3 * kColumns) {
        std::mt19937 random(5);
        std::normal_distribution<float> normal(0, 2);
        for (float& logit : logits) logit = normal(random);
        batch.targets = {0, 20'010, 777};
        batch.behaviour_logprobs = {-9, -11, -10};
        batch.advantages = {1, -1, 0.5f};
        batch.rules = {{{}, 0.8f}};
        batch.rule_of_row = {0, 0, 0};
    }
};

TEST(Grpo, AllColumnsGiveTheGradientOfTheDefinition) {
    const LargeCase test;
    std::vector<float> d_logits(test.logits.size(), 99);
    GrpoMetrics metrics;
    grpo_loss({.correction = Correction::off}, test.batch, 3, test.logits, d_logits, metrics);
    double loss = 0;
    for (std::size_t row = 0; row < 3; ++row) {
        const auto logit = [&](std::size_t column) {
            return static_cast<double>(test.logits[row * LargeCase::kColumns + column]) /
                   static_cast<double>(0.8f);
        };
        double total = 0;
        for (std::size_t a = 0; a < LargeCase::kColumns; ++a) total += std::exp(logit(a));
        const auto target = static_cast<std::size_t>(test.batch.targets[row]);
        const auto advantage = static_cast<double>(test.batch.advantages[row]);
        loss -= advantage * (logit(target) - std::log(total)) / 3;
        for (std::size_t a = 0; a < LargeCase::kColumns; ++a) {
            const double expected = advantage / 3 / static_cast<double>(0.8f) *
                                    (std::exp(logit(a)) / total - (a == target ? 1 : 0));
            ASSERT_NEAR(d_logits[row * LargeCase::kColumns + a], expected,
                        2e-5 * std::fabs(expected) + 1e-12);
        }
    }
    EXPECT_NEAR(metrics.loss, loss, 1e-5 * std::fabs(loss));
}

TEST(Grpo, ThreadsGiveTheSameBits) {
    const LargeCase test;
    std::vector<float> one(test.logits.size()), several(test.logits.size());
    GrpoMetrics of_one, of_several;
    grpo_loss({}, test.batch, 3, test.logits, one, of_one);
    grpo_loss({}, test.batch, 3, test.logits, several, of_several, {}, 3);
    EXPECT_EQ(several, one);
    EXPECT_EQ(of_several.loss, of_one.loss);
    EXPECT_EQ(of_several.entropy, of_one.entropy);
    const double loss = cross_entropy(test.batch, 3, test.logits, one);
    EXPECT_EQ(cross_entropy(test.batch, 3, test.logits, several, {}, 3), loss);
    EXPECT_EQ(several, one);
}

TEST(Grpo, UnknownCorrectionIsRefused) {
    EXPECT_THROW(correction("none"), std::runtime_error);
    EXPECT_EQ(correction("off"), Correction::off);
}

TEST(CrossEntropy, GradientEqualsFiniteDifferences) {
    const Case test;
    std::vector<float> d_logits(test.logits.size(), 99), ignored(test.logits.size());
    const double loss = cross_entropy(test.batch, 4, test.logits, d_logits);
    double expected = 0;
    for (std::size_t row = 0; row < 4; ++row) expected -= test.logprob(test.logits, row) / 4;
    EXPECT_NEAR(loss, expected, 1e-5);
    for (std::size_t i = 0; i < test.logits.size(); ++i) {
        const float h = 1e-2f;
        std::vector<float> up = test.logits, down = test.logits;
        up[i] += h;
        down[i] -= h;
        const double difference = (cross_entropy(test.batch, 4, up, ignored) -
                                   cross_entropy(test.batch, 4, down, ignored)) /
                                  (2 * static_cast<double>(h));
        EXPECT_NEAR(d_logits[i], difference, 2e-4) << "logit " << i;
    }
}

TEST(CrossEntropy, TokensNotAllowedGetNoGradient) {
    const Case test;
    std::vector<float> d_logits(test.logits.size(), 99);
    cross_entropy(test.batch, 4, test.logits, d_logits);
    for (const std::size_t token : {0u, 2u, 5u}) EXPECT_EQ(d_logits[token], 0);
}

}  // namespace
}  // namespace dws
