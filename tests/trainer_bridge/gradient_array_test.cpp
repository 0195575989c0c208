#include "trainer_bridge/gradient_array.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace dws {
namespace {

std::vector<float> random_gradients(std::size_t count) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal(0, 1e-4f);
    std::vector<float> gradients(count);
    for (float& gradient : gradients) gradient = normal(random);
    return gradients;
}

TEST(GradientArray, SquaresAddUpToTheNorm) {
    for (const std::size_t count : {0u, 1u, 15u, 17u, 65'536u, 200'003u}) {
        const std::vector<float> gradients = random_gradients(count);
        long double expected = 0;
        for (const float gradient : gradients) {
            expected += static_cast<long double>(gradient) * static_cast<long double>(gradient);
        }
        const auto total = static_cast<double>(expected);
        EXPECT_NEAR(sum_of_squares(gradients, 2), total, 1e-13 * total) << count;
    }
}

TEST(GradientArray, TheSumDoesNotDependOnThreads) {
    const std::vector<float> gradients = random_gradients(500'001);
    const double one = sum_of_squares(gradients, 1);
    for (const int threads : {2, 3, 8}) EXPECT_EQ(sum_of_squares(gradients, threads), one);
}

TEST(GradientArray, ANumberThatIsNotFiniteIsSeen) {
    std::vector<float> gradients = random_gradients(100'000);
    gradients[99'999] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_FALSE(std::isfinite(sum_of_squares(gradients, 2)));
    gradients[99'999] = std::numeric_limits<float>::infinity();
    EXPECT_FALSE(std::isfinite(sum_of_squares(gradients, 2)));
}

TEST(GradientArray, EveryNumberBecomesZero) {
    for (const std::size_t count : {0u, 1u, 65'536u, 200'003u}) {
        std::vector<float> gradients = random_gradients(count);
        set_zero(gradients, 2);
        EXPECT_EQ(gradients, std::vector<float>(count, 0.0f));
    }
}

}  // namespace
}  // namespace dws
