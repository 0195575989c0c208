#include "model/logprob.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace dws {
namespace {

// log_softmax as its definition says, in double.
double expected_logprob(const std::vector<float>& logits, const std::vector<std::int32_t>& allowed,
                        double temperature, std::size_t row, std::size_t width, std::size_t a) {
    double total = 0;
    const auto scaled = [&](std::int32_t token) {
        return logits[row * width + static_cast<std::size_t>(token)] / temperature;
    };
    for (const std::int32_t token : allowed) total += std::exp(scaled(token));
    return scaled(allowed[a]) - std::log(total);
}

std::vector<float> sample_logits(std::size_t count) {
    std::vector<float> logits(count);
    for (std::size_t i = 0; i < count; ++i) logits[i] = static_cast<float>((i * 37) % 101) / 9 - 5;
    return logits;
}

TEST(LogSoftmax, IsTheDefinitionOverTheAllowedTokens) {
    const std::vector<float> logits = sample_logits(3 * 112);
    for (const std::size_t count : {1u, 2u, 15u, 16u, 17u, 26u, 112u}) {
        std::vector<std::int32_t> allowed(count);
        std::iota(allowed.rbegin(), allowed.rend(), 0);  // descending: order is the caller's
        for (const float temperature : {0.5f, 1.0f, 3.0f}) {
            std::vector<float> logprobs(3 * count);
            log_softmax(logits, 112, allowed, temperature, logprobs);
            for (std::size_t i = 0; i < logprobs.size(); ++i) {
                EXPECT_NEAR(
                    logprobs[i],
                    expected_logprob(logits, allowed, temperature, i / count, 112, i % count),
                    2e-6 * 30);
            }
        }
    }
}

TEST(LogSoftmax, ForbiddenTokensHaveNoPart) {
    std::vector<float> logits = sample_logits(112);
    const std::vector<std::int32_t> allowed{3, 50, 7};
    std::vector<float> before(3), after(3);
    log_softmax(logits, 112, allowed, 1.0f, before);
    logits[4] = 1e9f;
    logits[111] = std::numeric_limits<float>::infinity();
    log_softmax(logits, 112, allowed, 1.0f, after);
    EXPECT_EQ(before, after);
}

TEST(LogSoftmax, LargeLogitsDoNotOverflow) {
    const std::vector<float> logits{1e30f, -1e30f, 3e4f, 3e4f};
    std::vector<float> logprobs(2);
    log_softmax(logits, 4, std::vector<std::int32_t>{0, 1}, 1.0f, logprobs);
    EXPECT_EQ(logprobs[0], 0.0f);
    EXPECT_LT(logprobs[1], -1e29f);
    log_softmax(logits, 4, std::vector<std::int32_t>{2, 3}, 1.0f, logprobs);
    EXPECT_NEAR(logprobs[0], std::log(0.5), 2e-3);  // an ulp of 3e4
}

TEST(LogSoftmax, ARowsBitsDoNotDependOnOtherRows) {
    const std::vector<float> logits = sample_logits(5 * 40);
    const std::vector<std::int32_t> allowed{1, 2, 3, 4, 5, 6, 7, 30};
    std::vector<float> together(5 * 8), alone(8);
    log_softmax(logits, 40, allowed, 0.7f, together);
    log_softmax(std::span(logits).subspan(3 * 40, 40), 40, allowed, 0.7f, alone);
    EXPECT_EQ(std::vector<float>(together.begin() + 24, together.begin() + 32), alone);
}

TEST(LogSoftmax, NamingNoTokenAllowsAll) {
    const std::vector<float> logits = sample_logits(2 * 53);
    std::vector<std::int32_t> all(53);
    std::iota(all.begin(), all.end(), 0);
    std::vector<float> named(logits.size()), unnamed(logits.size());
    log_softmax(logits, 53, all, 0.7f, named);
    log_softmax(logits, 53, {}, 0.7f, unnamed);
    EXPECT_EQ(named, unnamed);
}

TEST(LogSoftmaxDeath, SizesThatDoNotFitAreBugs) {
    const std::vector<float> logits(10);
    std::vector<float> logprobs(2);
    const std::vector<std::int32_t> allowed{1, 5};
    EXPECT_DEATH(log_softmax(logits, 3, allowed, 1.0f, logprobs), "rows");
    EXPECT_DEATH(log_softmax(logits, 5, allowed, 1.0f, logprobs), "rows");
    EXPECT_DEATH(log_softmax(logits, 10, allowed, 0.0f, logprobs), "sizes");
    EXPECT_DEATH(log_softmax(logits, 10, {}, 1.0f, logprobs), "rows");
    logprobs.resize(4);
    EXPECT_DEATH(log_softmax(logits, 5, allowed, 1.0f, logprobs), "vocabulary");
}

}  // namespace
}  // namespace dws
