#include "base/stop_signal.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace dws {
namespace {

constexpr long kLookEvery_ms = 100;            // how long the end of the program may wait for us
constexpr int kExitStatusOfInterrupt = 130;    // 128 + SIGINT, what a shell reports for Ctrl-C
constexpr double kLongestSleep_s = 1'000'000;  // far beyond any run, and far below overflow

sigset_t end_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

// The first signal asks, the second one ends: whoever presses Ctrl-C twice means it.
void wait_for_signals(std::stop_token stop, std::stop_source source) {
    const sigset_t signals = end_signals();
    const timespec patience{.tv_sec = 0, .tv_nsec = kLookEvery_ms * 1'000'000};
    bool is_second = false;
    while (!stop.stop_requested()) {
        if (sigtimedwait(&signals, nullptr, &patience) < 0) continue;
        if (is_second) _exit(kExitStatusOfInterrupt);
        is_second = true;
        source.request_stop();
    }
}

}  // namespace

StopSignal::StopSignal() {
    const sigset_t signals = end_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before the first thread, which inherits it
    signal(SIGPIPE, SIG_IGN);  // a peer or pager that hangs up is a failed write, not our end
    waiter_ =
        std::jthread([source = source_](std::stop_token stop) { wait_for_signals(stop, source); });
}

StopSignal::~StopSignal() {
    waiter_.request_stop();
    waiter_.join();
    const sigset_t signals = end_signals();
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // nobody listens now: the default applies
}

bool sleep_or_stop(double seconds, std::stop_token stop) {
    const std::chrono::duration<double> duration(std::clamp(seconds, 0.0, kLongestSleep_s));
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, duration, [] { return false; });
    return stop.stop_requested();
}

}  // namespace dws
