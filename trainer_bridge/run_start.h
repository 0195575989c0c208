// How a trainer's process comes to a run: begins it, or goes on with what another process has left
// in the bucket and on this machine's disk.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/event_log.h"
#include "configs/config.h"
#include "sync/bucket/bucket.h"
#include "sync/publisher.h"
#include "trainer_bridge/checkpoint_folder.h"
#include "trainer_bridge/live_line.h"
#include "trainer_bridge/trainer.h"
#include "trainer_bridge/trainer_trust.h"

namespace dws {

enum class Start {
    anew,        // the run has no log yet
    resumed,     // from a checkpoint on this machine: exactly, or by a rollback
    taken_over,  // the same; without a checkpoint from the published words alone
};

// Nothing is owned, everything outlives the run.
struct RunParts {
    Trainer& trainer;
    Bucket& bucket;
    const ArrayTable& table;
    const Config& config;
    const TrainerTrust& trust;
    CheckpointFolder& checkpoints;
    EventLog& log;
};

struct Started {
    std::unique_ptr<Publisher> publisher;         // null: the run is complete already
    std::map<std::string, std::int64_t> cursors;  // worker -> first group not yet decided
    AbandonedVersions abandoned;
    std::optional<std::int64_t> checkpoint_step;  // of the checkpoint it goes on from
    bool is_new = false;                          // there is no version yet
};

// Throws std::runtime_error when the run has a log.
Result<Started> start_anew(const RunParts& run);

// start: resumed or taken_over. A run without a log starts anew. Otherwise a new epoch begins,
// which ends the reign of whoever wrote before, and the trainer's state is that of the log's newest
// version: by repeating what was learned since the checkpoint, or, where that cannot be, by
// publishing the way back to it. Errors: Fault::transport also when stopped. Throws
// std::runtime_error naming what the operator can do when there is nothing to go on from.
Result<Started> go_on(const RunParts& run, Start start, std::stop_token stop);

}  // namespace dws
