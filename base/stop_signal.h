// SIGINT and SIGTERM as a stop_token, the one way every executable is asked to end.
#pragma once

#include <stop_token>
#include <thread>

namespace dws {

// Blocks both signals in the calling thread and every thread started after it, and waits for them
// on a thread of its own. Make one, first thing in main. A second signal ends the process at once.
class StopSignal {
public:
    StopSignal();
    ~StopSignal();
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;

    std::stop_token token() const { return source_.get_token(); }
    void request_stop() { source_.request_stop(); }  // as if the signal had come

private:
    std::stop_source source_;
    std::jthread waiter_;  // last member: joined first
};

// Sleeps, but not longer than until stop is requested. True when stop was requested.
bool sleep_or_stop(double seconds, std::stop_token stop);

}  // namespace dws
