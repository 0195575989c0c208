#include "sync/doorbell.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/clock.h"
#include "base/require.h"
#include "base/stop_signal.h"

namespace dws {
namespace {

constexpr std::size_t kMaxHintBytes = 256;       // topic and hint together; a hint is a few words
constexpr std::size_t kMaxDelayed = 1'000;       // as many as a socket queues; more are dropped
constexpr std::chrono::milliseconds kSlice{50};  // how late a request to stop may be seen

// A queue of rings says no more than one of them; no frame of a ring is longer than a hint.
constexpr SocketLimits kSocketLimits{.queued_messages = static_cast<int>(kMaxDelayed),
                                     .message_bytes = 512};

bool is_ring(const Frames& frames) {
    return frames.size() == 2 && frames[0].size() + frames[1].size() <= kMaxHintBytes;
}

// SplitMix64 (Steele, Lea, Flood 2014): the same faults from the same seed on every machine.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}

    double roll() {  // uniform in [0, 1)
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
    }

private:
    std::uint64_t state_;
};

// Messages by the time they are due, on monotonic_s().
using Delayed = std::multimap<double, Frames>;

std::chrono::milliseconds until_due(const Delayed& delayed) {
    if (delayed.empty()) return kSlice;
    const double wait_ms = 1e3 * (delayed.begin()->first - monotonic_s());
    const double slice_ms = static_cast<double>(kSlice.count());
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(std::clamp(wait_ms + 1, 0.0, slice_ms)));
}

}  // namespace

DoorbellRinger::DoorbellRinger(const DoorbellEnd& end) {
    if (!end.endpoint.empty())
        socket_ =
            MessageSocket::connect(SocketKind::publisher, end.endpoint, kSocketLimits, end.keys);
}

void DoorbellRinger::ring(const std::string& topic, const std::string& hint) {
    if (!socket_) return;
    const Frames frames = {topic, hint};
    require(is_ring(frames), "a ring is a topic and a short hint");
    socket_->send(frames);  // dropped is as good as lost on the way: listeners poll
}

DoorbellListener::DoorbellListener(const DoorbellEnd& end, std::string topic)
    : topic_(std::move(topic)) {
    if (!end.endpoint.empty())
        socket_ =
            MessageSocket::connect(SocketKind::subscriber, end.endpoint, kSocketLimits, end.keys);
}

std::vector<std::string> DoorbellListener::hear(std::chrono::milliseconds timeout,
                                                std::stop_token stop) {
    std::vector<std::string> hints;
    if (!socket_) {
        sleep_or_stop(std::chrono::duration<double>(timeout).count(), stop);
        return hints;
    }
    const auto hear_one = [&](std::chrono::milliseconds patience) {
        const auto frames = socket_->receive(patience);
        if (frames && is_ring(*frames) && (*frames)[0] == topic_) hints.push_back((*frames)[1]);
        return frames.has_value();
    };
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (hints.empty() && !stop.stop_requested()) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        hear_one(std::clamp(left, std::chrono::milliseconds{0}, kSlice));
        if (left.count() <= 0) break;
    }
    if (hints.empty()) return hints;
    // The rest of the pile, as much as a queue holds.
    for (std::size_t more = 0; more < kMaxDelayed; ++more)
        if (!hear_one(std::chrono::milliseconds{0})) break;
    return hints;
}

bool DoorbellListener::wait(std::chrono::milliseconds timeout, std::stop_token stop) {
    return !hear(timeout, stop).empty();
}

DoorbellBroker::DoorbellBroker(const std::string& inside, const std::string& outside,
                               DoorbellFaults faults, const SocketKeys& keys)
    : inside_(MessageSocket::bind(SocketKind::collector, inside, kSocketLimits, keys)),
      outside_(MessageSocket::bind(SocketKind::publisher, outside, kSocketLimits, keys)),
      faults_(faults) {}

void DoorbellBroker::run(std::stop_token stop) {
    Dice dice(faults_.seed);
    Delayed delayed;
    while (!stop.stop_requested()) {
        const std::optional<Frames> frames = inside_.receive(until_due(delayed));
        if (frames && is_ring(*frames)) {
            counts_.heard += 1;
            const bool is_dropped = dice.roll() < faults_.drop || delayed.size() >= kMaxDelayed;
            const bool is_repeated = !is_dropped && dice.roll() < faults_.repeat;
            const int copies = is_dropped ? 0 : is_repeated ? 2 : 1;
            counts_.dropped += is_dropped ? 1 : 0;
            counts_.repeated += is_repeated ? 1 : 0;
            for (int copy = 0; copy < copies; ++copy)
                delayed.emplace(monotonic_s() + 1e-3 * faults_.delay_ms * dice.roll(), *frames);
        }
        while (!delayed.empty() && delayed.begin()->first <= monotonic_s()) {
            outside_.send(delayed.begin()->second);
            delayed.erase(delayed.begin());
            counts_.sent += 1;
        }
    }
}

}  // namespace dws
