// How long ago stop was requested, for what is left to do after it within a limit.
#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <utility>

#include "base/clock.h"

namespace dws {

class StopMoment {
public:
    explicit StopMoment(std::stop_token stop)
        : note_(std::move(stop), [this] { requested_s_ = monotonic_s(); }) {}

    // 0 when stop was not requested.
    double elapsed_s() const {
        const double requested_s = requested_s_;
        return requested_s < 0 ? 0 : monotonic_s() - requested_s;
    }

private:
    std::atomic<double> requested_s_{-1};             // of monotonic_s(); -1: not requested
    std::stop_callback<std::function<void()>> note_;  // last member: it writes the one before
};

}  // namespace dws
