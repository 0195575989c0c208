// A publisher without a trainer: sends a recorded run's versions again, as a run of its own, while
// a worker generates. What a sync costs then is the sync's alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>

#include "base/event_log.h"
#include "configs/config.h"
#include "experiments/qwen3_sync/version_tape.h"
#include "experiments/qwen3_sync/worker_watch.h"
#include "sync/codec/step_encoder.h"
#include "sync/publisher.h"

namespace dws {

struct ReplayPlan {
    std::int64_t rounds = 1;
    double quiet_s = 0;      // at the start of a round nothing is published for so long
    double busy_s = 0;       // then versions, one after another, for so long
    double every_s = 0;      // between two beginnings at least
    std::int64_t syncs = 0;  // at most, in a round
    bool is_dense = false;   // every version whole, not as a delta
};

class Replay {
public:
    // Nothing is owned, everything outlives this. Waits for nothing yet.
    Replay(const Config& config, const ArrayTable& table, VersionTape& tape, Bucket& bucket,
           WorkerWatch& worker, EventLog& log);

    // Publishes the tape's words, waits until a worker plays with them, goes through the plan and
    // ends the run. A version counts as synced, and the next one may be sent, when the worker has
    // committed it. Throws std::runtime_error when publishing fails or the worker is lost.
    void play(const ReplayPlan& plan, std::stop_token stop);

private:
    void stretch(bool is_busy, double from_unix_s);
    void sync_one(bool is_dense, std::stop_token stop);
    void send_whole(std::stop_token stop);
    void send_changes(const Changes& changes, std::stop_token stop);
    void check(bool is_fine, std::stop_token stop) const;

    const Config& config_;
    const ArrayTable& table_;
    VersionTape& tape_;
    WorkerWatch& worker_;
    EventLog& log_;
    const std::unique_ptr<Publisher> publisher_;
    std::optional<StepEncoder> encoder_;  // of a compact encoding
    std::int64_t version_ = 0;            // the newest
};

}  // namespace dws
