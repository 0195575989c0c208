#include "sync/bucket/bucket_retry.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/clock.h"
#include "tests/support/faulty_bucket.h"

namespace dws {
namespace {

constexpr RetryPolicy kQuick{.first_wait_ms = 1, .longest_wait_ms = 4, .deadline_s = 5};

// A bucket to make faulty, and the retrying one around it.
struct Pair {
    explicit Pair(RetryPolicy policy, std::stop_token stop = {}) {
        auto owned = std::make_unique<FaultyBucket>();
        inner = owned.get();
        outer = std::make_unique<BucketRetry>(std::move(owned), policy, std::move(stop));
    }
    FaultyBucket* inner = nullptr;
    std::unique_ptr<Bucket> outer;
};

TEST(BucketRetry, GoesOnUntilTheStoreAnswers) {
    const Pair pair(kQuick);
    pair.inner->fail_next_calls(3);
    EXPECT_TRUE(pair.outer->put("a", bytes_of("x")));
    EXPECT_EQ(pair.inner->counts().puts, 4);
    pair.inner->fail_next_calls(2);
    EXPECT_TRUE(pair.outer->get("a", {.length = 1}));
    pair.inner->fail_next_calls(2);
    EXPECT_TRUE(pair.outer->list("", Listing::objects));
    pair.inner->fail_next_calls(2);
    EXPECT_TRUE(pair.outer->remove("a"));
}

TEST(BucketRetry, TakesEveryOtherAnswerAtOnce) {
    const Pair pair(kQuick);
    EXPECT_EQ(pair.outer->get("a", {.length = 1}).error().fault, Fault::missing);
    EXPECT_EQ(pair.inner->counts().gets, 1);
    ASSERT_TRUE(pair.outer->put("a", bytes_of("x")));
    EXPECT_EQ(*pair.outer->put_if_absent("a", bytes_of("y")), PutOutcome::existed);
    EXPECT_EQ(pair.inner->counts().puts, 2);
}

TEST(BucketRetry, EndsAtTheDeadlineWithTransport) {
    const Pair pair({.first_wait_ms = 1, .longest_wait_ms = 8, .deadline_s = 0.05});
    pair.inner->set_unreachable(true);
    const Stopwatch stopwatch;
    const Result<Done> put = pair.outer->put("a", bytes_of("x"));
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().fault, Fault::transport);
    EXPECT_NE(put.error().detail.find("tried"), std::string::npos);
    EXPECT_LT(stopwatch.seconds(), 2.0);
    EXPECT_GE(pair.inner->counts().puts, 3);
}

// A bucket whose store asks to be left alone for a while, once.
class PatientBucket : public FaultyBucket {
public:
    explicit PatientBucket(double retry_after_s) : retry_after_s_(retry_after_s) {}
    Result<Done> put(std::string_view key, std::span<const std::byte> object) override {
        if (calls_++ > 0) return FaultyBucket::put(key, object);
        return Error{Fault::transport, "slow down", retry_after_s_};
    }

private:
    const double retry_after_s_;
    std::atomic<int> calls_ = 0;
};

TEST(BucketRetry, WaitsAsLongAsItIsAskedTo) {
    BucketRetry bucket(std::make_unique<PatientBucket>(0.3), kQuick);
    const Stopwatch stopwatch;
    EXPECT_TRUE(bucket.put("a", bytes_of("x")));
    EXPECT_GE(stopwatch.seconds(), 0.3);
}

TEST(BucketRetry, GivesUpAtOnceWhenAskedToWaitPastTheDeadline) {
    BucketRetry bucket(std::make_unique<PatientBucket>(600), kQuick);
    const Stopwatch stopwatch;
    const Result<Done> put = bucket.put("a", bytes_of("x"));
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().fault, Fault::transport);
    EXPECT_EQ(put.error().retry_after_s, 600);
    EXPECT_LT(stopwatch.seconds(), 2);
}

TEST(BucketRetry, ADeadlineOfZeroTriesOnce) {
    const Pair pair({.first_wait_ms = 0, .longest_wait_ms = 0, .deadline_s = 0});
    pair.inner->set_unreachable(true);
    EXPECT_FALSE(pair.outer->put("a", bytes_of("x")));
    EXPECT_EQ(pair.inner->counts().puts, 1);
}

constexpr RetryPolicy kPatient{
    .first_wait_ms = 60'000, .longest_wait_ms = 60'000, .deadline_s = 600};

TEST(BucketRetry, AStopEndsTheWaitUnderWay) {
    std::stop_source stop;
    const Pair pair(kPatient, stop.get_token());
    pair.inner->set_unreachable(true);
    const Stopwatch stopwatch;
    std::jthread stopper([&] {
        while (pair.inner->counts().puts == 0) std::this_thread::yield();
        stop.request_stop();
    });
    const Result<Done> put = pair.outer->put("a", bytes_of("x"));
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().fault, Fault::transport);
    EXPECT_NE(put.error().detail.find("then stopped"), std::string::npos) << put.error().detail;
    EXPECT_LT(stopwatch.seconds(), 10);
    EXPECT_EQ(pair.inner->counts().puts, 1);
}

TEST(BucketRetry, AfterAStopEachCallIsMadeOnce) {
    std::stop_source stop;
    stop.request_stop();
    const Pair pair(kPatient, stop.get_token());
    EXPECT_TRUE(pair.outer->put("a", bytes_of("x")));
    pair.inner->fail_next_calls(1);
    const Stopwatch stopwatch;
    EXPECT_EQ(pair.outer->get("a", {.length = 1}).error().fault, Fault::transport);
    EXPECT_EQ(pair.inner->counts().gets, 1);
    EXPECT_TRUE(pair.outer->get("a", {.length = 1}));
    EXPECT_LT(stopwatch.seconds(), 10);
}

TEST(BucketRetry, ACreationWhoseAnswerWasLostMeetsItsOwnObject) {
    const Pair pair(kQuick);
    pair.inner->lose_answer_of("a");
    const Result<PutOutcome> outcome = pair.outer->put_if_absent("a", bytes_of("mine"));
    ASSERT_TRUE(outcome);
    EXPECT_EQ(*outcome, PutOutcome::existed);
    EXPECT_EQ(text_of(*pair.outer->get("a", {.length = 9})), "mine");
}

}  // namespace
}  // namespace dws
