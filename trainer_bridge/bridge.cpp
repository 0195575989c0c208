#include "trainer_bridge/bridge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "base/clock.h"
#include "sync/changes.h"
#include "trainer_bridge/step_event.h"

namespace dws {
namespace {

constexpr std::int64_t kStepsPerImitationLine = 20;  // of the human log

// The least and the greatest trainer step that sampled a token of the group.
struct StepRange {
    std::int64_t oldest, newest;
};

// The group has passed Trainer::check().
StepRange sampled_steps(const GameGroup& group) {
    StepRange range{INT64_MAX, INT64_MIN};
    for (const Game& game : group.games) {
        for (std::size_t at = 0; at < game.tokens.size(); ++at) {
            if (game.loss_mask[at] == 0) continue;
            range.oldest = std::min(range.oldest, game.steps[at]);
            range.newest = std::max(range.newest, game.steps[at]);
        }
    }
    return range;
}

}  // namespace

Result<bool> Bridge::warm_start(std::stop_token stop) {
    const WarmStartSection& warm = options_.warm_start;
    for (std::int64_t step = 1; step <= warm.steps; ++step) {
        const std::vector<GameGroup> groups = collect_demonstrations(stop);
        if (stop.stop_requested()) return false;
        const Stopwatch watch;
        const double loss = trainer_.imitate(groups);
        const bool is_said = step % kStepsPerImitationLine == 0 || step == warm.steps;
        const double waited_s = games_.take_waited_s();
        log_.write("warm_start",
                   is_said ? fmt::format("warm start {} of {} | loss {:.3f} | step {:.2f} s, "
                                         "waited {:.2f} s",
                                         step, warm.steps, loss, watch.seconds(), waited_s)
                           : "",
                   {{"step", step},
                    {"steps", warm.steps},
                    {"loss", loss},
                    {"groups", static_cast<std::int64_t>(groups.size())},
                    {"perf/step_s", watch.seconds()},
                    {"perf/rollout_wait_s", waited_s}});
    }
    trainer_.begin_reinforcement();
    keeper_.save_first();  // before anybody can learn from a game of anchor 0
    const Result<Done> published = publisher_.publish_anchor(
        trainer_.published_words(), trainer_.step_number(), ledger_.take().games, stop);
    if (stop.stop_requested()) return false;
    if (!published) return published.error();
    return true;
}

Result<Done> Bridge::reinforce(std::stop_token stop) {
    while (trainer_.step_number() < options_.steps) {
        const Collected collected = collect_games(stop);
        if (stop.stop_requested()) return Done{};
        if (publisher_.failure()) return publisher_failure();
        keeper_.offer(publisher_, stop);
        if (stop.stop_requested()) return Done{};
        // Without a group to learn from there are at least decisions, which workers wait for.
        const bool is_handed_over =
            collected.groups.empty() ? hand_over({}, 0) : learn_from(collected);
        if (!is_handed_over) return publisher_failure();
    }
    return Done{};
}

std::vector<GameGroup> Bridge::collect_demonstrations(std::stop_token stop) {
    const auto wanted = static_cast<std::size_t>(options_.warm_start.games_per_step);
    std::vector<GameGroup> groups;
    for (std::size_t games = 0; games < wanted && !stop.stop_requested();) {
        std::optional<ReceivedGroup> received =
            games_.next(fmt::format("{} of {} demonstrations", games, wanted), stop);
        if (!received || judge_demonstration(*received) != Verdict::trained) continue;
        games += received->group->games.size();
        groups.push_back(std::move(*received->group));
    }
    return groups;
}

Bridge::Collected Bridge::collect_games(std::stop_token stop) {
    const auto wanted = static_cast<std::size_t>(options_.groups_per_step);
    Collected collected;
    while (collected.groups.size() < wanted && !stop.stop_requested()) {
        std::optional<ReceivedGroup> received =
            games_.next(fmt::format("{} of {} groups", collected.groups.size(), wanted), stop);
        if (received) {
            if (judge_game(*received, collected) != Verdict::trained) continue;
            collected.groups.push_back(std::move(*received->group));
            continue;
        }
        if (publisher_.failure()) break;
        if (games_.is_dry() && !ledger_.is_empty()) break;
    }
    games_.restart_clock();
    return collected;
}

Verdict Bridge::judge_demonstration(const ReceivedGroup& received) {
    if (!received.group) return refuse(received, *received.error);
    const Result<Done> checked = trainer_.check(*received.group);
    if (!checked) return refuse(received, checked.error());
    if (!received.group->is_demonstration) {
        return refuse(received, {Fault::corrupt, "a game sampled from weights before anchor 0"});
    }
    ledger_.note(received.worker, received.number, Verdict::trained);
    return Verdict::trained;
}

Verdict Bridge::judge_game(const ReceivedGroup& received, Collected& collected) {
    if (!received.group) return refuse(received, *received.error);
    const GameGroup& group = *received.group;
    const auto note = [&](Verdict verdict) {
        ledger_.note(received.worker, received.number, verdict);
        return verdict;
    };
    if (group.is_demonstration) return note(Verdict::surplus);
    const Result<Done> checked = trainer_.check(group);
    if (!checked) return refuse(received, checked.error());
    // Their steps may be any, so they are not held against the trainer's.
    if (abandoned_.sampled(group)) return note(Verdict::stale);
    const StepRange steps = sampled_steps(group);
    if (steps.oldest < 0 || steps.newest > trainer_.step_number()) {
        return refuse(received, {Fault::corrupt,
                                 fmt::format("sampled at steps {}..{}, the trainer "
                                             "is at {}",
                                             steps.oldest, steps.newest, trainer_.step_number())});
    }
    const std::int64_t staleness = trainer_.step_number() - steps.oldest;
    if (staleness > options_.max_staleness_steps) return note(Verdict::stale);
    collected.rewards.add(group);
    if (!trainer_.can_learn_from(group)) return note(Verdict::skipped);
    collected.staleness.push_back(staleness);
    return note(Verdict::trained);
}

Verdict Bridge::refuse(const ReceivedGroup& received, const Error& error) {
    ledger_.note(received.worker, received.number, Verdict::refused);
    log_.write("fault",
               fmt::format("group {} of worker {} refused: {}", received.number, received.worker,
                           error.detail),
               {{"where", std::string("games")},
                {"fault", std::string(name_of(error.fault))},
                {"detail", error.detail},
                {"worker", received.worker},
                {"number", received.number}});
    return Verdict::refused;
}

bool Bridge::learn_from(const Collected& collected) {
    const Stopwatch step;
    StepReport report = trainer_.learn(collected.groups, [&] {
        return publisher_.is_idle() ? StepForm::encoded : StepForm::changes;
    });
    const std::uint64_t changed_words =
        report.encoded ? count(*report.encoded) : count(report.changes);

    const Stopwatch stall;
    const bool is_handed_over = report.encoded ? hand_over(std::move(*report.encoded))
                                               : hand_over(std::move(report.changes), 1);
    const std::uint64_t pending_words = publisher_.pending_words();
    const double stall_ms = stall.ms();

    write_step(log_, {.step = trainer_.step_number(),
                      .rewards = collected.rewards,
                      .staleness = collected.staleness,
                      .metrics = report.metrics,
                      .ledger = ledger_,
                      .queued_groups = games_.queued(),
                      .changed_words = changed_words,
                      .total_words = total_words_,
                      .pending_words = pending_words,
                      .step_s = step.seconds(),
                      .waited_s = games_.take_waited_s(),
                      .checkpoint_s = keeper_.take_s(),
                      .stall_ms = stall_ms});
    return is_handed_over;
}

bool Bridge::hand_over(Changes changes, std::int64_t steps) {
    GamesLedger::Decided decided = ledger_.take();
    Pending pending;
    pending.changes = std::move(changes);
    pending.games = std::move(decided.games);
    if (steps > 0) pending.trained.push_back(std::move(decided.trained));
    pending.trainer_step = trainer_.step_number();
    pending.steps = steps;
    return publisher_.hand_over(std::move(pending));
}

bool Bridge::hand_over(EncodedStep step) {
    GamesLedger::Decided decided = ledger_.take();
    step.games = std::move(decided.games);
    step.trained = std::move(decided.trained);
    step.trainer_step = trainer_.step_number();
    return publisher_.hand_over(std::move(step));
}

Error Bridge::publisher_failure() const {
    const std::optional<Error> failure = publisher_.failure();
    return failure ? *failure : Error{Fault::transport, "the publisher has stopped"};
}

}  // namespace dws
