// One direction of a link between two machines: packets leave one after another at the link's rate,
// and arrive a fixed time later. Pure bookkeeping: the caller has the clock and the packets' bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace dws {

struct LinkTraits {
    double delay_ms = 0;       // one way
    double megabit_per_s = 0;  // of IP packets; 0: as fast as they come
    double queue_ms = 100;  // a packet that would wait longer to leave is dropped, as by a router
};

using Packet = std::vector<std::byte>;

class LinkQueue {
public:
    explicit LinkQueue(LinkTraits traits) : traits_(traits) {}

    // now_s: on a clock that never jumps, here and below; never less than before. wire_bytes: what
    // the packet takes of the rate. False: dropped, the queue is full.
    bool push(double now_s, Packet packet, std::size_t wire_bytes);
    // When the next packet arrives at the other end; empty: there is none.
    std::optional<double> next_due_s() const;
    // The next packet, if it has arrived by now.
    std::optional<Packet> pop(double now_s);

    struct Counts {
        std::uint64_t packets = 0, bytes = 0;  // arrived
        std::uint64_t dropped = 0;
        double latest_ms = 0;  // longest time between a packet's arrival and its pop()
    };
    const Counts& counts() const { return counts_; }

private:
    struct OnItsWay {
        double due_s;
        std::size_t wire_bytes;
        Packet packet;
    };

    const LinkTraits traits_;
    double free_at_s_ = 0;  // when the last packet has left
    std::deque<OnItsWay> packets_;
    Counts counts_;
};

}  // namespace dws
