// A stop token that also stops after some seconds, for calls that wait on a token alone.
#pragma once

#include <functional>
#include <stop_token>
#include <thread>

namespace dws {

class TimeLimit {
public:
    // outer: stops earlier. seconds: counted from here on.
    TimeLimit(double seconds, std::stop_token outer);

    std::stop_token token() const { return source_.get_token(); }

private:
    std::stop_source source_;
    std::stop_callback<std::function<void()>> outer_;
    std::jthread timer_;  // last member: joined first
};

}  // namespace dws
