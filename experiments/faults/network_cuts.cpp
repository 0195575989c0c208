// Workers and environment in a network of their own, whose line to trainer and store is cut for
// half a minute.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "experiments/faults/call.h"
#include "experiments/faults/scenario.h"

namespace dws {
namespace {

constexpr double kCut_s = 30;
constexpr double kHealed_s = 90;  // TCP's own retries have grown to half a minute by then

bool works(const std::vector<std::string>& command) { return call(command, 10).status == 0; }

// A network namespace and a line to it; gone when this is.
class Line {
public:
    Line() {
        const bool is_up =
            works({"ip", "netns", "add", space_}) &&
            works({"ip", "link", "add", here_, "type", "veth", "peer", "name", there_, "netns",
                   space_}) &&
            works({"ip", "addr", "add", here_address() + "/30", "dev", here_}) &&
            works({"ip", "link", "set", here_, "up"}) &&
            works({"ip", "-n", space_, "addr", "add", net_ + "2/30", "dev", there_}) &&
            works({"ip", "-n", space_, "link", "set", there_, "up"}) &&
            works({"ip", "-n", space_, "link", "set", "lo", "up"});
        if (is_up) return;
        remove();
        throw NotPossible("a network to cut takes the right to make network namespaces (ip netns)");
    }
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    ~Line() { remove(); }

    std::string here_address() const { return net_ + "1"; }
    std::vector<std::string> inside() const { return {"ip", "netns", "exec", space_}; }
    // The far end: what comes from there is lost, and nothing there is told.
    bool cut() const { return works({"ip", "link", "set", here_, "down"}); }
    bool heal() const { return works({"ip", "link", "set", here_, "up"}); }

private:
    static int next_number() {
        static std::atomic<int> lines = 0;
        return lines++;
    }
    void remove() const {
        works({"ip", "link", "del", here_});
        works({"ip", "netns", "del", space_});
    }

    const int number_ = next_number();
    const std::string id_ = fmt::format("{}x{}", ::getpid() % 100'000, number_);
    const std::string space_ = "dws" + id_;
    const std::string here_ = "dwa" + id_, there_ = "dwb" + id_;
    const std::string net_ = fmt::format("10.{}.{}.", 64 + ::getpid() % 128, 4 * number_ % 256);
};

class NetworkCut : public Round {
public:
    void prepare(ArenaPlan& plan) override {
        line_ = std::make_unique<Line>();
        plan.system.has_doorbell = false;  // it would need keys beyond loopback; all poll
        plan.in_front_of_workers = line_->inside();
        plan.server_address = line_->here_address();
    }
    Trouble repeat(Arena& arena, Dice& dice) override {
        if (Trouble late = arena.wait_versions(dice.whole(1, 3)); !late.empty()) return late;
        arena.pause(dice.uniform(0, 0.2));
        if (!line_->cut()) return "the line cannot be cut";
        // What a worker has fetched by now it may commit yet.
        const Result<Done> read = arena.audit().read_on();
        const std::int64_t newest = arena.audit().newest_version();
        arena.pause(kCut_s);
        const bool is_cut = std::ranges::max(versions_held(arena)) <= newest;
        if (!line_->heal()) return "the line cannot be healed";
        if (!read) return read.error().detail;
        if (!is_cut) return "a worker followed the log over a line that was cut";
        if (Trouble late = arena.wait_versions(3, kHealed_s); !late.empty()) return late;
        for (const std::string& worker : arena.system().workers()) {
            Trouble late = arena.wait_worker(worker, arena.audit().newest_version(), kHealed_s);
            if (!late.empty()) return late;
        }
        return "";
    }

private:
    static std::vector<std::int64_t> versions_held(Arena& arena) {
        arena.system().events().poll();
        std::vector<std::int64_t> versions;
        for (const std::string& worker : arena.system().workers())
            versions.push_back(arena.system().events().seen(worker).committed);
        return versions;
    }

    std::unique_ptr<Line> line_;
};

}  // namespace

std::vector<Scenario> network_cuts() {
    return {{.name = "network_cut_30s",
             .repetitions = 20,
             .make = [] { return std::make_unique<NetworkCut>(); },
             .has_proxy = false,
             .has_own_server = true,
             .is_waiting = true}};
}

}  // namespace dws
