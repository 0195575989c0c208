#include "base/stop_signal.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "base/clock.h"

namespace dws {
namespace {

constexpr double kLong_s = 20;  // a test that waits this long has failed

class StopSignalBySignal : public testing::TestWithParam<int> {};

TEST_P(StopSignalBySignal, RequestsStop) {
    StopSignal signal;
    EXPECT_FALSE(signal.token().stop_requested());
    kill(getpid(), GetParam());
    EXPECT_TRUE(sleep_or_stop(kLong_s, signal.token()));
}

INSTANTIATE_TEST_SUITE_P(StopSignal, StopSignalBySignal, testing::Values(SIGINT, SIGTERM));

// A signal goes to any thread that does not block it, and would then end the process.
TEST(StopSignal, LaterThreadsDoNotReceiveTheSignal) {
    StopSignal signal;
    std::jthread later([](std::stop_token stop) { sleep_or_stop(kLong_s, stop); });
    sigset_t blocked;
    std::jthread([&] { pthread_sigmask(SIG_SETMASK, nullptr, &blocked); }).join();
    EXPECT_TRUE(sigismember(&blocked, SIGINT));
    EXPECT_TRUE(sigismember(&blocked, SIGTERM));
    kill(getpid(), SIGTERM);
    EXPECT_TRUE(sleep_or_stop(kLong_s, signal.token()));
}

TEST(StopSignal, CanBeAskedWithoutASignal) {
    StopSignal signal;
    signal.request_stop();
    EXPECT_TRUE(signal.token().stop_requested());
}

TEST(StopSignal, AWriteToAClosedPipeIsAnErrorAndNotTheEnd) {
    StopSignal signal;
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    close(ends[0]);
    EXPECT_LT(write(ends[1], "x", 1), 0);
    EXPECT_EQ(errno, EPIPE);
    close(ends[1]);
}

TEST(StopSignalDeathTest, TheSecondSignalEndsTheProcess) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_EXIT(
        {
            StopSignal signal;
            kill(getpid(), SIGINT);
            sleep_or_stop(kLong_s, signal.token());
            kill(getpid(), SIGINT);
            sleep_or_stop(kLong_s, {});
        },
        testing::ExitedWithCode(130), "");
}

TEST(StopSignalDeathTest, AfterItsEndSignalsEndTheProcessAgain) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_EXIT(
        {
            { StopSignal signal; }
            kill(getpid(), SIGTERM);
            sleep_or_stop(kLong_s, {});
        },
        testing::KilledBySignal(SIGTERM), "");
}

TEST(SleepOrStop, SleepsTheTimeWhenNobodyStops) {
    const Stopwatch watch;
    EXPECT_FALSE(sleep_or_stop(0.02, {}));
    EXPECT_GE(watch.seconds(), 0.02);
}

TEST(SleepOrStop, ReturnsAtOnceWhenAlreadyStopped) {
    std::stop_source stop;
    stop.request_stop();
    const Stopwatch watch;
    EXPECT_TRUE(sleep_or_stop(kLong_s, stop.get_token()));
    EXPECT_LT(watch.seconds(), kLong_s);
}

TEST(SleepOrStop, NegativeAndEndlessTimesAreNoTrap) {
    EXPECT_FALSE(sleep_or_stop(-1, {}));
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    EXPECT_TRUE(sleep_or_stop(1e300, stop.get_token()));
}

}  // namespace
}  // namespace dws
