// "Look": a hint that something new is in the bucket. A message is two frames, topic and hint, of
// at most 256 bytes; anything else is ignored. Dropping, repeating or reordering every hint changes
// latency, never results; whoever hears nothing polls.
//
// A flood costs no more than that: every queue holds at most 1,000 hints and drops the rest, so a
// broker that is shouted at takes some 2 MB for each connection, passes on what it can, and
// whoever misses a hint finds the next key when they poll.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/message_socket.h"
#include "sync/doorbell_end.h"

namespace dws {

// Rings for others, through a PUB socket. end: the broker's inner side; empty makes ring() a no-op.
// One thread.
class DoorbellRinger {
public:
    explicit DoorbellRinger(const DoorbellEnd& end);
    // topic: "log" or "games"; hint: for people reading along ("version 43").
    void ring(const std::string& topic, const std::string& hint);

private:
    std::optional<MessageSocket> socket_;
};

// Hears rings of one topic. end: the broker's outer side; empty: only the time-out passes.
class DoorbellListener {
public:
    DoorbellListener(const DoorbellEnd& end, std::string topic);
    // The hints of all rings of the topic that piled up, at most 1,001; waits for the first. Empty
    // when the time-out passed or stop was requested.
    std::vector<std::string> hear(std::chrono::milliseconds timeout, std::stop_token stop);
    // Returns when a ring of the topic was heard (true), the time-out passed or stop was requested
    // (false). Rings that piled up count once.
    bool wait(std::chrono::milliseconds timeout, std::stop_token stop);

private:
    const std::string topic_;
    std::optional<MessageSocket> socket_;
};

// What a broker does to messages on purpose, so that losing them can be tried out.
struct DoorbellFaults {
    double drop = 0;      // share of messages, 0 to 1
    double repeat = 0;    // share sent twice
    double delay_ms = 0;  // each message waits a random time up to this, so order is lost
    std::uint64_t seed = 1;
};

// The broker: whatever arrives inside (XSUB) goes to everybody outside (PUB). Runs until stopped.
class DoorbellBroker {
public:
    // keys: of both sides. Throws std::runtime_error when an endpoint cannot be bound, or would be
    // open to other machines without keys.
    DoorbellBroker(const std::string& inside, const std::string& outside, DoorbellFaults faults,
                   const SocketKeys& keys = {});
    void run(std::stop_token stop);

    // Those really bound, for "tcp://127.0.0.1:*".
    std::string inside_endpoint() const { return inside_.endpoint(); }
    std::string outside_endpoint() const { return outside_.endpoint(); }

    struct Counts {
        std::uint64_t heard = 0, dropped = 0, repeated = 0, sent = 0;
    };
    const Counts& counts() const { return counts_; }  // once run() has returned

private:
    MessageSocket inside_;
    MessageSocket outside_;
    const DoorbellFaults faults_;
    Counts counts_;
};

}  // namespace dws
