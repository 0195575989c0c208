// Whether a bucket that several threads call at once is out of reach, so that it is told once per
// outage: an answer to a call that was made before the outage does not end it. Belongs to whoever
// holds the owner's mutex.
#pragma once

#include <cstdint>

namespace dws {

class OutageNote {
public:
    // A call is made: its number, for answered().
    std::uint64_t begin() { return ++calls_; }
    void answered(std::uint64_t call) {
        if (call > last_at_failure_) is_on_ = false;
    }
    // True: this is how it began, so tell it.
    bool failed() {
        const bool is_first = !is_on_;
        last_at_failure_ = calls_;
        is_on_ = true;
        return is_first;
    }

private:
    std::uint64_t calls_ = 0;
    std::uint64_t last_at_failure_ = 0;
    bool is_on_ = false;
};

}  // namespace dws
