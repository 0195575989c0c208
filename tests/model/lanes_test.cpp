#include "model/lanes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "model/weights.h"

namespace dws {
namespace {

TEST(Lanes, ExpIsWithinTwoTenMillionths) {
    double worst = 0;
    for (double x = -87.29; x < 88.29; x += 0.0003) {
        const float rounded = static_cast<float>(x);
        const double exact = std::exp(static_cast<double>(rounded));
        worst = std::max(worst, std::fabs(exp(broadcast(rounded))[kLanes - 1] / exact - 1));
    }
    EXPECT_LT(worst, 2e-7);
}

TEST(Lanes, ExpOfMaskedScoresIsZeroAndOfLargeOnesFinite) {
    EXPECT_EQ(exp(broadcast(-std::numeric_limits<float>::infinity()))[0], 0.0f);
    EXPECT_EQ(exp(broadcast(-88.0f))[0], 0.0f);
    EXPECT_EQ(exp(broadcast(0.0f))[0], 1.0f);
    EXPECT_TRUE(std::isfinite(exp(broadcast(std::numeric_limits<float>::infinity()))[0]));
}

TEST(Lanes, Bf16WordsAreLoadedExactlyWithZerosBehindThem) {
    std::uint16_t words[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) words[i] = static_cast<std::uint16_t>(0x3f80 + 77 * i);
    words[1] = 0xff80;  // -infinity
    for (std::size_t count = 1; count <= kLanes; ++count) {
        const Lanes lanes = load_part(words, count);
        for (std::size_t i = 0; i < kLanes; ++i) {
            EXPECT_EQ(lanes[i], i < count ? from_bf16(words[i]) : 0.0f) << count << ", " << i;
        }
    }
}

TEST(Lanes, SigmoidReachesBothEnds) {
    EXPECT_EQ(sigmoid(broadcast(100.0f))[0], 1.0f);
    EXPECT_LT(sigmoid(broadcast(-100.0f))[0], 1e-37f);
    EXPECT_EQ(sigmoid(broadcast(0.0f))[0], 0.5f);
}

TEST(Lanes, SumsFoldEveryVectorIntoItsOwnLane) {
    Lanes vectors[kLanes];
    float expected[kLanes] = {};
    for (std::size_t i = 0; i < kLanes; ++i) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            vectors[i][lane] = static_cast<float>(100 * i + lane * lane);
            expected[i] += vectors[i][lane];
        }
        EXPECT_EQ(sum(vectors[i]), expected[i]);
    }
    const Lanes sums = sums_of(vectors);
    for (std::size_t i = 0; i < kLanes; ++i) EXPECT_EQ(sums[i], expected[i]);
}

TEST(Lanes, TransposeChangesRowsAndLanes) {
    Lanes rows[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            rows[i][lane] = static_cast<float>(100 * i + lane);
        }
    }
    transpose(rows);
    for (std::size_t i = 0; i < kLanes; ++i) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            EXPECT_EQ(rows[i][lane], static_cast<float>(100 * lane + i));
        }
    }
}

TEST(Lanes, PartsLeaveTheRestAlone) {
    float numbers[kLanes], target[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) {
        numbers[i] = static_cast<float>(i + 1);
        target[i] = -1;
    }
    for (std::size_t count = 1; count <= kLanes; ++count) {
        EXPECT_EQ(maximum_of(load_part(numbers, count)), static_cast<float>(count));
        EXPECT_EQ(sum(keep_first(load(numbers), count, 0)),
                  static_cast<float>(count * (count + 1) / 2));
        store_part(target, load(numbers), count);
        EXPECT_EQ(target[count - 1], static_cast<float>(count));
        if (count < kLanes) {
            EXPECT_EQ(target[count], -1.0f);
        }
    }
}

}  // namespace
}  // namespace dws
