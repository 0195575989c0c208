#include "rollout_worker/play_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace dws {
namespace {

// A pause shorter than this is the ordinary beat of a loop in balance.
constexpr double kPauseWrittenS = 1;
constexpr double kPauseToldS = 10;
constexpr double kSilenceToldS = 1;
constexpr double kRestartsApartS = 1;
constexpr double kThroughputEveryS = 5;
constexpr double kTokensEveryS = 1;

double mean(const std::vector<float>& values) {
    if (values.empty()) return 0;
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double outcome_mean(const GameGroup& group, const std::string& name) {
    const auto found = group.outcomes.find(name);
    return found == group.outcomes.end() ? 0 : mean(found->second);
}

}  // namespace

GroupSummary summarize(const GameGroup& group) {
    GroupSummary summary;
    for (const Game& game : group.games) {
        summary.reward_mean += game.reward / static_cast<double>(group.games.size());
        for (std::size_t i = 0; i < game.tokens.size(); ++i) {
            if (!game.loss_mask[i]) continue;
            summary.sampled_tokens += 1;
            const bool is_first = summary.sampled_tokens == 1;
            summary.step_min = is_first ? game.steps[i] : std::min(summary.step_min, game.steps[i]);
            summary.step_max = std::max(summary.step_max, game.steps[i]);
        }
    }
    summary.won_mean = outcome_mean(group, "won");
    summary.turns_mean = outcome_mean(group, "turns");
    summary.valid_mean = outcome_mean(group, "valid");
    return summary;
}

void PlayReport::submitted(const GameGroup& group, std::int64_t number, std::int64_t newest_step) {
    const GroupSummary summary = summarize(group);
    window_groups_ += 1;
    window_reward_ += summary.reward_mean;
    window_won_ += summary.won_mean;
    // Below 0 after a rollback: sampled from steps that are abandoned by now.
    const std::int64_t lag =
        group.is_demonstration ? 0 : std::max<std::int64_t>(newest_step - summary.step_min, 0);
    log_.write("group", "",
               {{"number", number},
                {"is_demonstration", group.is_demonstration},
                {"games", static_cast<std::int64_t>(group.games.size())},
                {"reward_mean", summary.reward_mean},
                {"won_mean", summary.won_mean},
                {"turns_mean", summary.turns_mean},
                {"valid_mean", summary.valid_mean},
                {"tokens", summary.sampled_tokens},
                {"step_min", summary.step_min},
                {"step_max", summary.step_max},
                {"staleness_steps", lag}});
}

void PlayReport::admission(Admission admission, const AdmissionFacts& facts) {
    const double now_s = monotonic_s();
    if (admission == Admission::admitted) {
        if (is_pause_written_) {
            const double paused_s = now_s - *paused_since_s_;
            log_.write("resumed", is_pause_told_ ? "playing again" : "", {{"paused_s", paused_s}});
        }
        paused_since_s_.reset();
        is_pause_written_ = false;
        is_pause_told_ = false;
        return;
    }
    if (!paused_since_s_) paused_since_s_ = now_s;
    paused(admission, facts, now_s - *paused_since_s_);
}

void PlayReport::paused(Admission admission, const AdmissionFacts& facts, double waited_s) {
    const bool is_told_now = !is_pause_told_ && waited_s >= kPauseToldS;
    const bool is_written_now = !is_pause_written_ && waited_s >= kPauseWrittenS;
    if (!is_told_now && !is_written_now) return;
    is_pause_written_ = true;
    is_pause_told_ = is_pause_told_ || is_told_now;
    const std::string human = fmt::format(
        "paused: {} | {} groups that the trainer has not decided | weights of step {}, newest {}",
        name_of(admission), undecided_groups(facts), facts.held_step, facts.newest_step);
    log_.write("paused", is_told_now ? human : "",
               {{"reason", std::string(name_of(admission))},
                {"undecided_groups", undecided_groups(facts)},
                {"held_step", facts.held_step},
                {"newest_step", facts.newest_step},
                {"waited_s", waited_s}});
}

void PlayReport::environment(const EnvClient& env, std::size_t slots) {
    if (env.is_at_capacity() && !is_capacity_told_) {
        const std::string what = fmt::format(
            "a free session of the environment at {}: env.sessions_max must cover worker.slots "
            "({} here) of all workers together",
            env.endpoint(), slots);
        log_.write("waiting", "waiting for " + what, {{"what", what}});
        is_capacity_told_ = true;
    }
    if (env.is_answering()) {
        silent_since_s_ = monotonic_s();
        is_silence_told_ = false;
    } else if (!is_silence_told_ && monotonic_s() - silent_since_s_ >= kSilenceToldS) {
        const std::string what = "the environment at " + env.endpoint();
        log_.write("waiting", "waiting for " + what, {{"what", what}});
        is_silence_told_ = true;
    }
}

void PlayReport::restarts(Player& player) {
    if (monotonic_s() - restarts_told_s_ < kRestartsApartS) return;
    for (const auto& [reason, games] : player.take_restarts()) {
        const std::string next_action =
            fmt::format("beginning {} {} again", games, games == 1 ? "game" : "games");
        log_.write("fault", fmt::format("fault | environment: {} | {}", reason, next_action),
                   {{"fault", std::string("environment")},
                    {"detail", reason},
                    {"next_action", next_action},
                    {"games", static_cast<std::int64_t>(games)}});
        restarts_told_s_ = monotonic_s();
    }
}

void PlayReport::tokens(const Player& player) {
    if (monotonic_s() - tokens_written_s_ < kTokensEveryS) return;
    tokens_written_s_ = monotonic_s();
    log_.write("tokens", "",
               {{"generated_tokens", player.tokens_generated()},
                {"in_flight", static_cast<std::int64_t>(player.games_in_flight())}});
}

void PlayReport::throughput(const Player& player) {
    tokens(player);
    const double seconds = window_.seconds();
    if (seconds < kThroughputEveryS) return;
    const std::int64_t games = player.games_finished() - games_before_;
    const std::int64_t tokens = player.tokens_generated() - tokens_before_;
    const double groups = std::max(1.0, static_cast<double>(window_groups_));
    const double games_per_s = static_cast<double>(games) / seconds;
    const double tokens_per_s = static_cast<double>(tokens) / seconds;
    log_.write(
        "throughput",
        fmt::format("playing | {:.0f} tokens/s | {:.1f} games/s | reward {:.2f} | won {:.2f}",
                    tokens_per_s, games_per_s, window_reward_ / groups, window_won_ / groups),
        {{"seconds", seconds},
         {"tokens", tokens},
         {"rollout/generated_tok_s", tokens_per_s},
         {"generated_tokens", player.tokens_generated()},
         {"games", games},
         {"games_per_s", games_per_s},
         {"groups", window_groups_},
         {"reward_mean", window_reward_ / groups},
         {"won_mean", window_won_ / groups},
         {"in_flight", static_cast<std::int64_t>(player.games_in_flight())}});
    games_before_ += games;
    tokens_before_ += tokens;
    window_groups_ = 0;
    window_reward_ = window_won_ = 0;
    window_ = Stopwatch();
}

}  // namespace dws
