#include "experiments/faults/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "base/clock.h"

namespace dws {
namespace {

// Ten repetitions share a run: its log stays short enough to be verified whole after each.
constexpr int kPerRound = 10;
constexpr int kWaitingRounds = 5;  // side by side: they sleep most of the time

struct Part {
    const Scenario* scenario;
    int first, repetitions;
};

class Queue {
public:
    Queue(const std::vector<Scenario>& scenarios, int repetitions, bool is_waiting) {
        for (const Scenario& scenario : scenarios) {
            if (scenario.is_waiting != is_waiting) continue;
            const int all = repetitions > 0 ? repetitions : scenario.repetitions;
            const int per_round =
                is_waiting ? (all + kWaitingRounds - 1) / kWaitingRounds : kPerRound;
            for (int first = 0; first < all; first += per_round)
                parts_.push_back({&scenario, first, std::min(per_round, all - first)});
        }
    }
    std::optional<Part> next() {
        const std::lock_guard lock(mutex_);
        if (parts_.empty()) return std::nullopt;
        const Part part = parts_.front();
        parts_.pop_front();
        return part;
    }

private:
    std::mutex mutex_;
    std::deque<Part> parts_;  // guarded by mutex_
};

class Player {
public:
    Player(const RunnerOptions& options, S3Server* server, TallyTable& table, std::stop_token stop)
        : options_(options), server_(server), table_(table), stop_(std::move(stop)) {}

    void play(const Part& part) const {
        const Stopwatch watch;
        Tally tally;
        try {
            // A round that breaks down is given up; what is left of it begins in a new run.
            int done = 0;
            while (done < part.repetitions && !stop_.stop_requested())
                done +=
                    play_round({part.scenario, part.first + done, part.repetitions - done}, tally);
        } catch (const NotPossible& reason) {
            table_.skip(part.scenario->name, reason.what());
            return;
        } catch (const std::exception& error) {
            tally.repetitions += 1;
            explain(part, part.first, error.what());
        }
        tally.seconds = watch.seconds();
        if (!stop_.stop_requested()) table_.add(part.scenario->name, tally);
        if (options_.is_talkative) {
            fmt::print("{} {}..{} | {} of {} recovered | {:.1f} s\n", part.scenario->name,
                       part.first, part.first + part.repetitions - 1, tally.recovered,
                       tally.repetitions, tally.seconds);
            std::fflush(stdout);
        }
    }

private:
    struct Played {
        int repetitions = 0;  // that are done with
        bool is_clean = true;
    };

    int play_round(const Part& part, Tally& tally) const {
        if (server_ == nullptr && (part.scenario->has_proxy || part.scenario->has_own_server))
            throw NotPossible("it takes an S3 server");
        const ArenaPlan plan = plan_of(part);
        forget(plan.system.folder);  // what an earlier call left
        const Played played = play_in(plan, part, tally);
        if (played.is_clean) forget(plan.system.folder);
        return played.repetitions;
    }

    // Everything that was started has ended when this returns.
    Played play_in(ArenaPlan plan, const Part& part, Tally& tally) const {
        std::filesystem::create_directories(plan.system.folder);
        const std::unique_ptr<Round> round = part.scenario->make();
        round->prepare(plan);
        std::unique_ptr<S3Server> own_server;
        if (part.scenario->has_own_server)
            own_server = std::make_unique<S3Server>(options_.scripts, plan.system.folder / "s3",
                                                    server_, plan.server_address);
        plan.server = own_server ? own_server.get() : server_;
        plan.store =
            plan.server != nullptr ? plan.server->uri() : (plan.system.folder / "bucket").string();
        Arena arena(plan, stop_);
        Trouble trouble = arena.begin();
        if (trouble.empty()) trouble = round->begin(arena);
        int tried = 0;
        while (trouble.empty() && tried < part.repetitions && !stop_.stop_requested()) {
            Dice dice(options_.seed, part.scenario->name, part.first + tried);
            trouble = round->repeat(arena, dice);
            tried += 1;
            tally.repetitions += 1;
            if (trouble.empty()) trouble = arena.check(tally);
            if (trouble.empty()) tally.recovered += 1;
        }
        if (trouble.empty() && !stop_.stop_requested()) {
            trouble = arena.finish(tally);
            if (!trouble.empty()) tally.recovered -= 1;  // so that the table is not clean
        }
        const bool has_failed = !trouble.empty() && !stop_.stop_requested();
        if (has_failed) {
            if (tried == 0) tally.repetitions += 1;
            explain(part, part.first + std::max(0, tried - 1),
                    trouble + " | " + plan.system.folder.string());
        }
        // What does not begin is not begun again.
        return {tried > 0 ? tried : part.repetitions, !has_failed};
    }

    ArenaPlan plan_of(const Part& part) const {
        ArenaPlan plan;
        const std::string name = fmt::format("{}-{}", part.scenario->name, part.first);
        plan.has_proxy = part.scenario->has_proxy;
        plan.system.binaries = options_.binaries;
        plan.system.config = options_.config;
        plan.system.folder = options_.output / name;
        plan.system.run = name;
        plan.system.seed = options_.seed + static_cast<std::uint64_t>(part.first);
        return plan;
    }

    void explain(const Part& part, int repetition, const std::string& what) const {
        const std::string line = fmt::format("{}, seed {}, repetition {}: {}", part.scenario->name,
                                             options_.seed, repetition, what);
        table_.explain(line);
        if (!options_.is_talkative) return;
        fmt::print("{}\n", line);
        std::fflush(stdout);
    }

    // What stays although nobody uses it any more is not worth a failure.
    static void forget(const std::filesystem::path& folder) {
        std::error_code ignored;
        std::filesystem::remove_all(folder, ignored);
    }

    const RunnerOptions& options_;
    S3Server* const server_;
    TallyTable& table_;
    const std::stop_token stop_;
};

}  // namespace

void play(const std::vector<Scenario>& scenarios, const RunnerOptions& options, S3Server* server,
          TallyTable& table, std::stop_token stop) {
    Queue working(scenarios, options.repetitions, false),
        waiting(scenarios, options.repetitions, true);
    const Player player(options, server, table, stop);
    const auto play_all = [&](Queue& queue) {
        while (!stop.stop_requested()) {
            const std::optional<Part> part = queue.next();
            if (!part) return;
            player.play(*part);
        }
    };
    std::vector<std::jthread> threads;
    for (int i = 0; i < options.side_by_side; ++i) threads.emplace_back([&] { play_all(working); });
    for (int i = 0; i < kWaitingRounds; ++i) threads.emplace_back([&] { play_all(waiting); });
}

}  // namespace dws
