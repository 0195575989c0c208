// The worker's weights and what keeps them current: a replica in live memory, the subscriber that
// stages versions for it, and the report of both.
#pragma once

#include <cstdint>
#include <optional>

#include "configs/config.h"
#include "model/config.h"
#include "rollout_worker/engine.h"
#include "rollout_worker/live_weights.h"
#include "rollout_worker/sync_report.h"
#include "rollout_worker/worker_trust.h"
#include "sync/bucket/bucket.h"
#include "sync/subscriber.h"

namespace dws {

class Follower {
public:
    // Starts following. bucket and log are not owned and outlive this. stop_at_version: nothing
    // newer is committed; -1: no limit.
    Follower(const Config& config, const WorkerTrust& trust, const ModelConfig& model,
             Bucket& bucket, EventLog& log, std::int64_t stop_at_version);

    // At a token boundary: commits what is staged, if anything is, and tells the engine (null:
    // there is none yet).
    void commit_staged(Engine* engine);

    // What the replica holds, and its version.
    void give_weights(Engine& engine) const;
    const Replica& replica() const { return weights_.replica(); }
    bool has_version() const { return weights_.replica().version() >= 0; }
    const Subscriber& subscriber() const { return subscriber_; }
    SyncReport& report() { return report_; }

    // Throws std::runtime_error when the log cannot be trusted: nothing more will be committed.
    void throw_on_failure() const;

private:
    SubscriberEvents events();

    LiveWeights weights_;
    SyncReport report_;
    Subscriber subscriber_;  // last member: its thread ends before what it uses
};

}  // namespace dws
