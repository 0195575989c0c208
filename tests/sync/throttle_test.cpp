#include "sync/bucket/throttle.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

TEST(Throttle, WithoutALimitEverythingPasses) {
    Throttle throttle(0);
    throttle.passed(1'000'000'000);
    EXPECT_EQ(throttle.wait_s(1), 0);
}

TEST(Throttle, WhatWasTakenIsPaidBack) {
    Throttle throttle(1'000);
    EXPECT_EQ(throttle.wait_s(100), 0);
    throttle.passed(2'000);
    EXPECT_NEAR(throttle.wait_s(100), 2, 0.01);
    EXPECT_NEAR(throttle.wait_s(101), 1, 0.01);
    EXPECT_EQ(throttle.wait_s(102.1), 0);
}

TEST(Throttle, WhatWasNotUsedIsKeptForAQuarterOfASecond) {
    Throttle throttle(1'000);
    EXPECT_EQ(throttle.wait_s(0), 0);
    EXPECT_EQ(throttle.wait_s(1'000), 0);
    throttle.passed(1'250);
    EXPECT_NEAR(throttle.wait_s(1'000), 1, 0.01);
}

TEST(Throttle, OverALongTimeTheRateIsKept) {
    Throttle throttle(1'000);
    double now_s = 0;
    for (int pieces = 0; pieces < 1'000; ++pieces) {
        now_s += throttle.wait_s(now_s);
        throttle.passed(100);
    }
    EXPECT_NEAR(now_s, 100, 1);
}

}  // namespace
}  // namespace dws
