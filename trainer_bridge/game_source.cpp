#include "trainer_bridge/game_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "trainer_bridge/time_limit.h"

namespace dws {
namespace {

constexpr double kLookUp_s = 2;          // a shorter wait is part of the normal run
constexpr double kSayAgainAfter_s = 30;  // often enough to be found, rare enough to be read

// Enough that full steps are the rule, also where games come in bursts.
constexpr double kPatience_waits = 20;  // of mean length

}  // namespace

std::optional<ReceivedGroup> GameSource::next(const std::string& progress, std::stop_token stop) {
    const Stopwatch watch;
    std::optional<ReceivedGroup> received;
    if (inbox_.waiting() > 0) {
        received = inbox_.pop(stop);
    } else {
        const TimeLimit limit(kLookUp_s, stop);
        received = inbox_.pop(limit.token());
    }
    waited_s_ += watch.seconds();
    idle_s_ += watch.seconds();
    if (received) {
        if (has_begun_) {
            useful_waits_s_ += idle_s_;
            useful_waits_ += 1;
        }
        has_begun_ = true;
        idle_s_ = 0;
        said_at_idle_s_ = 0;
    } else if (!stop.stop_requested() &&
               (said_at_idle_s_ == 0 || idle_s_ - said_at_idle_s_ >= kSayAgainAfter_s)) {
        said_at_idle_s_ = idle_s_;
        say_waiting(progress);
    }
    return received;
}

bool GameSource::is_dry() const {
    const double mean_wait_s = useful_waits_ > 0 ? useful_waits_s_ / useful_waits_ : 0;
    return idle_s_ >= std::max(kLookUp_s, kPatience_waits * mean_wait_s);
}

double GameSource::take_waited_s() { return std::exchange(waited_s_, 0.0); }

void GameSource::say_waiting(const std::string& progress) {
    const std::size_t workers = inbox_.workers();
    const std::string seen =
        workers == 0 ? "no worker seen yet" : fmt::format("workers seen: {}", workers);
    const std::string what = fmt::format("games in {}: {}; {}", place_, progress, seen);
    log_.write(
        "waiting", fmt::format("waiting {:.0f} s for {}", idle_s_, what),
        {{"what", what}, {"waited_s", idle_s_}, {"workers", static_cast<std::int64_t>(workers)}});
}

}  // namespace dws
