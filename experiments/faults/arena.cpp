#include "experiments/faults/arena.h"

#include <fmt/format.h>
#include <signal.h>

#include <utility>

#include "base/clock.h"
#include "base/stop_signal.h"
#include "experiments/faults/call.h"

namespace dws {
namespace {

constexpr double kLook_s = 0.01;
constexpr double kVerify_s = 60;  // of a chain of some hundred versions: a second or two
constexpr std::int64_t kVersionsToBegin = 3;

std::unique_ptr<FaultProxy> make_proxy(const ArenaPlan& plan) {
    if (!plan.has_proxy) return nullptr;
    return std::make_unique<FaultProxy>(HostPort{"127.0.0.1", 0}, plan.server->place(),
                                        plan.system.seed);
}

SystemPlan with_bucket(SystemPlan plan, std::string bucket) {
    plan.bucket = std::move(bucket);
    return plan;
}

}  // namespace

Arena::Arena(ArenaPlan plan, std::stop_token stop)
    : plan_(std::move(plan)),
      stop_(std::move(stop)),
      store_(open_bucket(plan_.store, {}, {}, stop_)),
      audit_(*store_, plan_.system.run),
      proxy_(make_proxy(plan_)),
      system_(with_bucket(plan_.system, bucket_of(plan_, proxy_.get()))) {}

std::string Arena::bucket_of(const ArenaPlan& plan, FaultProxy* proxy) {
    if (proxy != nullptr) return plan.server->uri(proxy->port());
    return plan.store;
}

Trouble Arena::begin() {
    if (plan_.system.has_doorbell) system_.start_doorbell();
    system_.start_environment(plan_.in_front_of_workers);
    system_.start_trainer(trainer, "");
    for (int worker = 0; worker < 2; ++worker) system_.start_worker(plan_.in_front_of_workers);
    const Trouble late = wait_versions(kVersionsToBegin, 30);
    if (late.empty()) return "";
    const Trouble dead = find_the_dead();
    return dead.empty() ? late : dead;
}

Trouble Arena::check(Tally& tally) {
    system_.events().poll();
    const Result<Done> read = audit_.read_on();
    if (!read) {
        tally.chains_broken += read.error().fault == Fault::transport ? 0 : 1;
        return "the log: " + read.error().detail;
    }
    const Result<Done> counted = audit_.count(system_.events(), tally);
    if (!counted) return "the games cannot be listed: " + counted.error().detail;
    if (Trouble dead = find_the_dead(); !dead.empty()) return dead;
    for (const auto& [name, seen] : system_.events().all()) {
        if (seen.words_wrong == 0) continue;
        tally.digests_differ += 1;
        return name + ": its words are not those of the log";
    }
    const std::int64_t newest = audit_.newest_version();
    for (const std::string& worker : system_.workers()) {
        if (Trouble late = wait_worker(worker, newest); !late.empty()) return late;
        const ProcessSeen& seen = system_.events().seen(worker);
        if (seen.rescans_failed > 0) {
            tally.digests_differ += 1;
            return worker + ": live memory differs from its digest";
        }
        tally.digests_compared += 1;
    }
    // Without games the log stands still: a chain that grows faster than a laden machine verifies
    // it would never be verified to its end.
    for (const std::string& worker : system_.workers()) system_.process(worker).signal(SIGSTOP);
    const bool is_sound = verifies();
    for (const std::string& worker : system_.workers()) system_.process(worker).signal(SIGCONT);
    if (is_sound) return "";
    tally.chains_broken += 1;
    return "dws verify: " + verdict_;
}

Trouble Arena::finish(Tally& tally) {
    const std::vector<std::string> workers = system_.workers();
    for (const std::string& worker : workers) system_.process(worker).signal(SIGTERM);
    for (const std::string& worker : workers)
        if (Trouble trouble = wait_end(worker); !trouble.empty()) return trouble;
    system_.process(trainer).signal(SIGTERM);
    if (Trouble trouble = wait_end(trainer); !trouble.empty()) return trouble;
    if (Trouble trouble = read_log(); !trouble.empty()) return trouble;
    tally.versions += static_cast<std::int64_t>(audit_.newest_version()) + 1;
    for (auto [name, seen] : system_.events().all()) {
        tally.replays += seen.resumes["replay"];
        tally.rollbacks += seen.resumes["rollback"];
        tally.from_words += seen.resumes["words"];
    }
    Tally games;
    const Result<Done> compared = audit_.compare_games(games);
    if (!compared) return "the games cannot be compared: " + compared.error().detail;
    tally.add(games);
    if (!games.is_clean())
        return fmt::format("of the groups trained {} hold the games of another, {} are spoilt",
                           games.games_twice, games.lost_games);
    for (const std::string& worker : workers) {
        const ProcessSeen& seen = system_.events().seen(worker);
        if (seen.end_version < 0) continue;
        tally.digests_compared += 1;
        if (seen.end_digest == audit_.digest_of(seen.end_version)) continue;
        tally.digests_differ += 1;
        return fmt::format("{}: ended with digest {} at version {}", worker, seen.end_digest,
                           seen.end_version);
    }
    return "";
}

Trouble Arena::wait_versions(std::int64_t more, double timeout_s) {
    if (Trouble trouble = read_log(); !trouble.empty()) return trouble;
    const std::int64_t wanted = audit_.newest_version() + more;
    Trouble broken;
    Trouble late = wait_until(
        [&] {
            broken = read_log();
            return !broken.empty() || audit_.newest_version() >= wanted;
        },
        fmt::format("version {}", wanted), timeout_s);
    return broken.empty() ? late : broken;
}

Trouble Arena::wait_worker(const std::string& worker, std::int64_t version, double timeout_s) {
    const auto holds_it = [&] {
        return system_.events().seen(worker).rescanned >= version || !system_.is_alive(worker);
    };
    Trouble late =
        wait_until(holds_it, fmt::format("{} at version {}", worker, version), timeout_s);
    if (!late.empty())
        return late + fmt::format(" (it holds {}; its last fault: {})",
                                  system_.events().seen(worker).rescanned,
                                  system_.events().seen(worker).last_fault);
    if (system_.events().seen(worker).rescanned >= version) return "";
    return worker + " has ended: " + system_.last_line(worker);
}

Trouble Arena::wait_end(const std::string& process, double timeout_s) {
    return wait_until([&] { return !system_.is_alive(process); }, "the end of " + process,
                      timeout_s);
}

Trouble Arena::wait_until(const std::function<bool()>& condition, const std::string& what,
                          double timeout_s) {
    const Stopwatch waited;
    while (true) {
        system_.events().poll();
        if (condition()) return "";
        if (waited.seconds() > timeout_s)
            return fmt::format("no {} within {:.0f} s", what, timeout_s);
        if (sleep_or_stop(kLook_s, stop_)) return "stopped";
    }
}

void Arena::pause(double seconds) const { sleep_or_stop(seconds, stop_); }

Trouble Arena::read_log() {
    const Result<Done> read = audit_.read_on();
    // While the server is down nothing is new; whoever waits for more waits on.
    if (read || read.error().fault == Fault::transport) return "";
    return "the log: " + read.error().detail;
}

// What was not killed on purpose has no reason to end.
Trouble Arena::find_the_dead() {
    std::vector<std::string> names = system_.workers();
    names.push_back(trainer);
    names.push_back("env");
    if (plan_.system.has_doorbell) names.push_back("doorbell");
    for (const std::string& name : names)
        if (!system_.is_alive(name)) return name + " has ended: " + system_.last_line(name);
    return "";
}

bool Arena::verifies() {
    const Called called = call({(plan_.system.binaries / "dws").string(), "verify", "--bucket",
                                plan_.store, "--run", plan_.system.run},
                               kVerify_s);
    verdict_ = called.text;
    return called.status == 0;
}

}  // namespace dws
