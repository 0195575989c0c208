// link_emulator: a link between two network namespaces, with a delay and a rate. One thread carries
// every packet. Prints "ready" when both ends exist, and what it carried when it is stopped.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/stop_signal.h"
#include "experiments/netns/link_queue.h"
#include "experiments/netns/tun_device.h"

namespace dws {
namespace {

constexpr int kPacketsPerTurn = 64;  // of one direction, before the other one's turn
constexpr double kLongestWait_s = 1;

struct Options {
    std::string left_namespace, left_device;
    std::string right_namespace, right_device;
    LinkTraits traits;
};

class Link {
public:
    explicit Link(const Options& options)
        : left_(options.left_namespace, options.left_device),
          right_(options.right_namespace, options.right_device),
          ways_{{{left_, right_, LinkQueue(options.traits)},
                 {right_, left_, LinkQueue(options.traits)}}} {}

    void carry(std::stop_token stop) {
        const int poll = epoll_create1(EPOLL_CLOEXEC);
        const int wake = eventfd(0, EFD_CLOEXEC);
        for (const int descriptor : {left_.descriptor(), right_.descriptor(), wake}) {
            epoll_event event{.events = EPOLLIN, .data = {.fd = descriptor}};
            if (epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) != 0)
                throw std::runtime_error(std::string("epoll: ") + std::strerror(errno));
        }
        const std::stop_callback stopping(stop, [wake] { eventfd_write(wake, 1); });
        while (!stop.stop_requested()) {
            for (Way& way : ways_) take(way);
            for (Way& way : ways_) deliver(way);
            std::array<epoll_event, 3> events{};
            const timespec wait = longest_wait();
            epoll_pwait2(poll, events.data(), static_cast<int>(events.size()), &wait, nullptr);
        }
        close(wake);
        close(poll);
    }

    const LinkQueue::Counts& counts(std::size_t way) const { return ways_.at(way).queue.counts(); }
    std::uint64_t refused(std::size_t way) const { return ways_.at(way).refused; }

private:
    struct Way {
        TunDevice& from;
        TunDevice& to;
        LinkQueue queue;
        std::uint64_t refused = 0;  // by the device they should have arrived at
    };

    void take(Way& way) {
        for (int packet = 0; packet < kPacketsPerTurn; ++packet) {
            const std::size_t bytes = way.from.read(buffer_);
            if (bytes <= kTunHeaderBytes) return;
            way.queue.push(monotonic_s(), Packet(buffer_.begin(), buffer_.begin() + bytes),
                           bytes - kTunHeaderBytes);
        }
    }

    void deliver(Way& way) {
        const double now_s = monotonic_s();
        while (const auto packet = way.queue.pop(now_s))
            way.refused += way.to.write(*packet) ? 0 : 1;
    }

    timespec longest_wait() const {
        double due_s = monotonic_s() + kLongestWait_s;
        for (const Way& way : ways_)
            if (const auto next = way.queue.next_due_s()) due_s = std::min(due_s, *next);
        const double wait_s = std::max(0.0, due_s - monotonic_s());
        const auto whole_s = static_cast<std::time_t>(wait_s);
        return {.tv_sec = whole_s,
                .tv_nsec = static_cast<long>(1e9 * (wait_s - static_cast<double>(whole_s)))};
    }

    TunDevice left_, right_;
    std::array<Way, 2> ways_;
    std::array<std::byte, kTunPacketBytes> buffer_;
};

void print_counts(const std::string& from, const std::string& to, const LinkQueue::Counts& counts,
                  std::uint64_t refused) {
    fmt::print("{} -> {}: packets {} bytes {} dropped {} refused {} latest_ms {:.2f}\n", from, to,
               counts.packets, counts.bytes, counts.dropped, refused, counts.latest_ms);
}

void run(const Options& options) {
    const StopSignal stop;
    Link link(options);
    fmt::print("ready: {} - {}, {} ms one way, {} Mbit/s\n", options.left_namespace,
               options.right_namespace, options.traits.delay_ms, options.traits.megabit_per_s);
    std::fflush(stdout);
    link.carry(stop.token());
    const std::string &left = options.left_namespace, &right = options.right_namespace;
    print_counts(left, right, link.counts(0), link.refused(0));
    print_counts(right, left, link.counts(1), link.refused(1));
}

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    CLI::App app{"A link between two network namespaces, with a delay and a rate."};
    dws::Options options;
    app.add_option("--left", options.left_namespace, "a name of `ip netns`")->required();
    app.add_option("--left-device", options.left_device, "made there")->required();
    app.add_option("--right", options.right_namespace, "a name of `ip netns`")->required();
    app.add_option("--right-device", options.right_device, "made there")->required();
    app.add_option("--delay-ms", options.traits.delay_ms, "one way")->check(CLI::Range(0.0, 1e4));
    app.add_option("--megabit-per-s", options.traits.megabit_per_s, "each way; 0: no limit")
        ->check(CLI::Range(0.0, 1e5));
    app.add_option("--queue-ms", options.traits.queue_ms, "longer waits are dropped")
        ->check(CLI::Range(0.0, 1e4));
    CLI11_PARSE(app, argc, argv);
    try {
        dws::run(options);
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "link_emulator: {}\n", error.what());
        return 1;
    }
}
