// The "step" event: what one optimizer step learned from, what it changed and what it waited for,
// under the names the field's tools know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/event_log.h"
#include "trainer_bridge/games_ledger.h"
#include "trainer_bridge/reward_statistics.h"

namespace dws {

struct StepSummary {
    std::int64_t step = 0;  // after it
    const RewardStatistics& rewards;
    std::span<const std::int64_t> staleness;  // of each group trained, in optimizer steps
    const Facts& metrics;                     // the trainer's own
    const GamesLedger& ledger;
    std::size_t queued_groups = 0;    // fetched, not yet looked at
    std::uint64_t changed_words = 0;  // by this step
    std::uint64_t total_words = 0;
    std::uint64_t pending_words = 0;  // not yet in a version
    double step_s = 0;                // learning and handing over
    double waited_s = 0;              // for games, before that
    double checkpoint_s = 0;          // writing one, before the step
    double stall_ms = 0;              // the part of the step that weight sync took from it
};

void write_step(EventLog& log, const StepSummary& summary);

}  // namespace dws
