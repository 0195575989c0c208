#include "sync/bucket/bucket_link.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/clock.h"
#include "tests/support/faulty_bucket.h"

namespace dws {
namespace {

TEST(BucketLink, EveryCallTakesTheLatency) {
    BucketLink bucket(std::make_unique<FaultyBucket>(), {.latency_ms = 10, .megabit_per_s = 0});
    const Stopwatch stopwatch;
    ASSERT_TRUE(bucket.put("a", bytes_of("x")));
    ASSERT_TRUE(bucket.put_if_absent("b", bytes_of("x")));
    ASSERT_TRUE(bucket.get("a", {.length = 1}));
    ASSERT_TRUE(bucket.list("", Listing::objects));
    ASSERT_TRUE(bucket.remove("a"));
    EXPECT_GE(stopwatch.ms(), 50);
}

TEST(BucketLink, PayloadTakesTheBandwidthEachWay) {
    BucketLink bucket(std::make_unique<FaultyBucket>(), {.latency_ms = 0, .megabit_per_s = 8});
    const Bytes object(20'000);  // 20 ms at a megabyte per second
    Stopwatch put;
    ASSERT_TRUE(bucket.put("a", object));
    EXPECT_GE(put.ms(), 20);
    Stopwatch get;
    ASSERT_TRUE(bucket.get("a", {.length = 20'000}));
    EXPECT_GE(get.ms(), 20);
    Stopwatch range;
    ASSERT_TRUE(bucket.get("a", {.length = 10}));
    EXPECT_LT(range.ms(), 20);
}

TEST(BucketLink, AStopEndsTheWaitAndTheCallIsStillMade) {
    std::stop_source stop;
    BucketLink bucket(std::make_unique<FaultyBucket>(), {.latency_ms = 600'000}, stop.get_token());
    const Stopwatch stopwatch;
    std::jthread stopper([&] { stop.request_stop(); });
    ASSERT_TRUE(bucket.put("a", bytes_of("x")));
    EXPECT_EQ(bucket.get("a", {.length = 1})->size(), 1u);
    EXPECT_LT(stopwatch.seconds(), 10);
}

TEST(BucketLink, SeveralThreadsWaitAtTheSameTime) {
    BucketLink bucket(std::make_unique<FaultyBucket>(), {.latency_ms = 50, .megabit_per_s = 0});
    const Stopwatch stopwatch;
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 8; ++thread) {
            threads.emplace_back([&] { EXPECT_TRUE(bucket.remove("a")); });
        }
    }
    EXPECT_LT(stopwatch.ms(), 8 * 50);
}

}  // namespace
}  // namespace dws
