#include "sync/trained_steps.h"

#include <algorithm>

#include "base/require.h"
#include "sync/record.h"

namespace dws {
namespace {

bool goes_on(const TrainedRun& before, const TrainedRun& next) {
    return before.worker == next.worker && before.first + before.count == next.first;
}

std::string run_fault(const TrainedRun& run, const std::vector<GamesConsumed>& games) {
    if (run.worker >= games.size()) return "names a worker that `games` does not list";
    const GamesConsumed& of_worker = games[run.worker];
    const bool is_inside = run.first >= of_worker.first && run.first <= of_worker.next &&
                           run.count >= 1 && run.count <= of_worker.next - run.first;
    return is_inside ? "" : "trains groups outside first..next-1";
}

// runs: of this worker, each inside first..next-1.
std::string cover_fault(std::vector<TrainedRun> runs, const GamesConsumed& games) {
    std::ranges::sort(runs, {}, &TrainedRun::first);
    std::int64_t covered = 0;
    for (std::size_t index = 0; index < runs.size(); ++index) {
        covered += runs[index].count;
        if (index > 0 && runs[index - 1].first + runs[index - 1].count > runs[index].first) {
            return "trains a group twice";
        }
    }
    const auto is_covered = [&](std::int64_t number) {
        const auto above = std::ranges::upper_bound(runs, number, {}, &TrainedRun::first);
        return above != runs.begin() && number < std::prev(above)->first + std::prev(above)->count;
    };
    std::int64_t listed = 0;
    for (const auto* list : {&games.skipped, &games.stale, &games.refused}) {
        listed += static_cast<std::int64_t>(list->size());
        if (std::ranges::any_of(*list, is_covered)) return "trains a group that was not trained";
    }
    return covered + listed == games.next - games.first ? ""
                                                        : "leaves out a group that was trained";
}

}  // namespace

void add_group(TrainedStep& step, std::uint64_t worker, std::int64_t number) {
    const TrainedRun group{.worker = worker, .first = number, .count = 1};
    if (!step.empty() && goes_on(step.back(), group)) {
        step.back().count += 1;
    } else {
        step.push_back(group);
    }
}

void append_steps(std::vector<TrainedStep>& held, const std::vector<GamesConsumed>& held_games,
                  const std::vector<TrainedStep>& later,
                  const std::vector<GamesConsumed>& later_games) {
    for (TrainedStep step : later) {
        for (TrainedRun& run : step) {
            const auto same = std::ranges::find(held_games, later_games[run.worker].worker,
                                                &GamesConsumed::worker);
            require(same != held_games.end(), "merged games hold every worker of the later ones");
            run.worker = static_cast<std::uint64_t>(same - held_games.begin());
        }
        held.push_back(std::move(step));
    }
}

std::string steps_fault(const std::vector<TrainedStep>& steps,
                        const std::vector<GamesConsumed>& games) {
    if (steps.empty()) return "";
    std::vector<std::vector<TrainedRun>> of_worker(games.size());
    for (const TrainedStep& step : steps) {
        if (step.empty()) return "has a step without groups";
        for (std::size_t index = 0; index < step.size(); ++index) {
            const std::string why = run_fault(step[index], games);
            if (!why.empty()) return why;
            if (index > 0 && goes_on(step[index - 1], step[index])) {
                return "cuts a run in two: not in its one form";
            }
            of_worker[step[index].worker].push_back(step[index]);
        }
    }
    for (std::size_t worker = 0; worker < games.size(); ++worker) {
        const std::string why = cover_fault(std::move(of_worker[worker]), games[worker]);
        if (!why.empty()) return why;
    }
    return "";
}

}  // namespace dws
