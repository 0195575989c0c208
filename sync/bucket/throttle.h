// A limit on bytes per second as a bucket of tokens: what has not been used for a moment may be
// used at once, a quarter of a second's worth at most; whoever took more waits until it is paid
// back. For one thread; time is handed in, seconds of any clock that never jumps.
#pragma once

#include <algorithm>
#include <cstddef>

namespace dws {

class Throttle {
public:
    // 0: no limit.
    explicit Throttle(double bytes_per_s) : bytes_per_s_(bytes_per_s) {}

    bool is_limited() const { return bytes_per_s_ > 0; }

    // Seconds until something may pass; 0: now.
    double wait_s(double now_s) {
        if (!is_limited()) return 0;
        refill(now_s);
        return tokens_ > 0 ? 0 : (1 - tokens_) / bytes_per_s_;
    }

    void passed(std::size_t bytes) {
        if (is_limited()) tokens_ -= static_cast<double>(bytes);
    }

private:
    void refill(double now_s) {
        constexpr double kMostUnused_s = 0.25;
        if (is_started_) tokens_ += (now_s - last_s_) * bytes_per_s_;
        tokens_ = std::min(tokens_, std::max(1.0, kMostUnused_s * bytes_per_s_));
        is_started_ = true;
        last_s_ = now_s;
    }

    const double bytes_per_s_;
    double tokens_ = 1;
    double last_s_ = 0;
    bool is_started_ = false;
};

}  // namespace dws
