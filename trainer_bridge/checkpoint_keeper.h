// When to write a checkpoint, and saying so. One is written at a version boundary only: then the
// trainer's words are those of a record of the log, and whoever resumes knows where it stands.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/event_log.h"
#include "sync/array_table.h"
#include "sync/publisher.h"
#include "trainer_bridge/checkpoint_folder.h"
#include "trainer_bridge/trainer.h"

namespace dws {

struct CheckpointPlan {
    std::string run;
    std::int64_t every_steps = 0;  // 0: never
    TrainingSettings settings;
};

class CheckpointKeeper {
public:
    // Nothing is owned, everything outlives this.
    CheckpointKeeper(Trainer& trainer, const ArrayTable& table, CheckpointFolder& folder,
                     CheckpointPlan plan, EventLog& log)
        : trainer_(trainer), table_(table), folder_(folder), plan_(std::move(plan)), log_(log) {}

    // The trainer's state is that of this checkpoint, or of one further on: none is due before
    // every_steps more.
    void goes_on_from(std::int64_t trainer_step) { newest_step_ = trainer_step; }

    // A new run's first, before anchor 0 is published.
    void save_first();
    // Between two steps, before the groups of the next are learned from. Writes what is due when
    // the publisher is idle; waits for the publisher when it has been due for as long again. A disk
    // that refuses is a fault event, and the run goes on.
    void offer(Publisher& publisher, std::stop_token stop);
    // At the run's end, everything handed over being committed: whatever has changed.
    void save_last(const Publisher& publisher);

    // Spent on it since the last call; waiting for the publisher included.
    double take_s();

private:
    bool is_on() const { return plan_.every_steps > 0; }
    std::int64_t overdue_steps() const;  // 0 or more: one is due
    void save_at(const ChainPosition& position);
    void save(std::uint64_t sequence, const Digest& digest);

    Trainer& trainer_;
    const ArrayTable& table_;
    CheckpointFolder& folder_;
    const CheckpointPlan plan_;
    EventLog& log_;
    // Of the newest checkpoint, or of the newest try: a full disk is asked once per interval.
    std::int64_t newest_step_ = INT64_MIN;
    double spent_s_ = 0;
};

}  // namespace dws
