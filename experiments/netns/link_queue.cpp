#include "experiments/netns/link_queue.h"

#include <algorithm>
#include <utility>

namespace dws {

bool LinkQueue::push(double now_s, Packet packet, std::size_t wire_bytes) {
    const double bits = 8 * static_cast<double>(wire_bytes);
    const double sending_s = traits_.megabit_per_s > 0 ? 1e-6 * bits / traits_.megabit_per_s : 0;
    const double begins_s = std::max(now_s, free_at_s_);
    if (begins_s - now_s > 1e-3 * traits_.queue_ms) {
        counts_.dropped += 1;
        return false;
    }
    free_at_s_ = begins_s + sending_s;
    packets_.push_back({free_at_s_ + 1e-3 * traits_.delay_ms, wire_bytes, std::move(packet)});
    return true;
}

std::optional<double> LinkQueue::next_due_s() const {
    if (packets_.empty()) return std::nullopt;
    return packets_.front().due_s;
}

std::optional<Packet> LinkQueue::pop(double now_s) {
    if (packets_.empty() || packets_.front().due_s > now_s) return std::nullopt;
    OnItsWay first = std::move(packets_.front());
    packets_.pop_front();
    counts_.packets += 1;
    counts_.bytes += first.wire_bytes;
    counts_.latest_ms = std::max(counts_.latest_ms, 1e3 * (now_s - first.due_s));
    return std::move(first.packet);
}

}  // namespace dws
