// Time, for measuring and for labels. No decision of the protocol depends on it.
#pragma once

#include <chrono>
#include <string>

namespace dws {

// Seconds on a clock that never jumps.
inline double monotonic_s() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// Seconds since 1970, for labels that are compared across machines by people only.
inline double wall_s() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

class Stopwatch {
public:
    double seconds() const { return monotonic_s() - started_; }
    double ms() const { return 1e3 * seconds(); }

private:
    double started_ = monotonic_s();
};

}  // namespace dws
