// The rollout worker: plays games with the newest weights it has, hands whole groups to the
// bucket, and takes new weights at token boundaries. It knows no trainer, only the bucket.
//
//   log empty, warm start asked for:  demonstrations by the script, until anchor 0
//   anchor 0 committed:               games by the policy, until the log ends
//
// One thread generates (the caller of run()); subscriber and outbox have their own.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <stop_token>
#include <string>

#include "base/event_log.h"
#include "configs/config.h"
#include "model/backend.h"
#include "model/config.h"
#include "rollout_worker/admission.h"
#include "rollout_worker/env_client.h"
#include "rollout_worker/follower.h"
#include "rollout_worker/game_text.h"
#include "rollout_worker/play_report.h"
#include "rollout_worker/worker_trust.h"
#include "sync/bucket/bucket.h"
#include "sync/games/game_box.h"

namespace dws {

class Worker {
public:
    // id: fresh at every start; names this worker's games in the bucket. seed_name: with the run's
    // seed it decides which games are played. bucket and log are not owned and outlive this. Throws
    // std::runtime_error when the config does not fit.
    Worker(const Config& config, const WorkerTrust& trust, Bucket& bucket, EventLog& log,
           std::string id, const std::string& seed_name);

    // Until the run has ended, stop is requested (both return 0) or the log cannot be trusted
    // (throws std::runtime_error).
    int run(std::stop_token stop);

private:
    bool is_over(std::stop_token stop) const;
    bool must_demonstrate();
    void play_demonstrations(std::stop_token stop);
    void wait_for_weights(std::stop_token stop);
    void play(std::stop_token stop);

    // One token boundary: hands over what has become whole, and says how it goes.
    void advance(Player& player, PlayReport& report, std::stop_token stop);
    // Opens groups while there are free slots and the trainer keeps up.
    void admit_groups(Player& player, PlayReport& report);
    std::uint64_t next_group_seed();
    AdmissionFacts admission_facts(const Player& player) const;
    void write_end(bool is_complete);

    const Config config_;
    const Trust trust_;  // of the log
    Bucket& bucket_;
    EventLog& log_;
    const std::string id_;
    const std::uint64_t seed_;
    const std::unique_ptr<const GameText> text_;
    const ModelConfig model_;
    const Products products_;
    const std::size_t slots_;
    Follower follower_;
    EnvClient env_;
    std::int64_t groups_opened_ = 0;
    std::int64_t demonstrations_ = 0;  // groups submitted, the first of this worker's numbers
    std::int64_t games_submitted_ = 0;
    std::deque<GameGroup> finished_;  // groups the outbox has no room for yet
    GameOutbox outbox_;               // last member: its thread ends before what it uses
};

}  // namespace dws
