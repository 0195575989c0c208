// Tells the event log how playing goes: groups, throughput, pauses, games begun again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/event_log.h"
#include "rollout_worker/admission.h"
#include "rollout_worker/env_client.h"
#include "rollout_worker/player.h"
#include "sync/games/game_group.h"

namespace dws {

// What the games of a group came to, on average.
struct GroupSummary {
    double reward_mean = 0;
    double won_mean = 0;
    double turns_mean = 0;
    double valid_mean = 0;
    std::int64_t sampled_tokens = 0;
    // Trainer steps of the weights that sampled them; kNoVersion when a script played.
    std::int64_t step_min = kNoVersion;
    std::int64_t step_max = kNoVersion;
};
GroupSummary summarize(const GameGroup& group);

// For the one thread that plays.
class PlayReport {
public:
    explicit PlayReport(EventLog& log) : log_(log) {}  // not owned, outlives this

    // newest_step: the trainer's, as far as the log tells.
    void submitted(const GameGroup& group, std::int64_t number, std::int64_t newest_step);
    // Called at every token boundary; writes when something changed or it is time.
    void admission(Admission admission, const AdmissionFacts& facts);
    void environment(const EnvClient& env, std::size_t slots);
    void restarts(Player& player);
    // A line every five seconds, and the count of tokens, for programs alone, every second.
    void throughput(const Player& player);

private:
    void tokens(const Player& player);
    void paused(Admission admission, const AdmissionFacts& facts, double waited_s);

    EventLog& log_;
    std::optional<double> paused_since_s_;
    bool is_pause_written_ = false;
    bool is_pause_told_ = false;
    double silent_since_s_ = monotonic_s();
    bool is_silence_told_ = false;
    bool is_capacity_told_ = false;
    double restarts_told_s_ = -1e9;
    double tokens_written_s_ = -1e9;
    Stopwatch window_;  // of the throughput line, and what happened in it:
    std::int64_t games_before_ = 0;
    std::int64_t tokens_before_ = 0;
    std::int64_t window_groups_ = 0;
    double window_reward_ = 0;
    double window_won_ = 0;
};

}  // namespace dws
