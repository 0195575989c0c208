// The optimizer steps that a log names, taken once more: from a checkpoint on, on the same groups
// in the same order, until the words are those of the newest version. What comes out is the state
// of the trainer that died, proven by the digest of every record on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/identity.h"
#include "base/result.h"
#include "sync/array_table.h"
#include "sync/bucket/bucket.h"
#include "sync/record.h"
#include "trainer_bridge/trainer.h"

namespace dws {

struct ReplayProgress {
    std::int64_t trainer_step = 0;  // after the record
    std::int64_t steps = 0;         // taken so far
    double elapsed_s = 0;
};

struct Replayed {
    std::int64_t steps = 0;
    std::string obstacle;  // empty: the trainer stands where the log ends; otherwise why it cannot
};

class Replay {
public:
    // The trainer's state is that of a checkpoint. Nothing is owned, everything outlives this.
    // signers: as of the inbox; equal digests do not prove the groups, whose smallest changes are
    // in the optimizer's moments alone.
    Replay(Trainer& trainer, const ArrayTable& table, Bucket& bucket, std::string run,
           std::function<void(const ReplayProgress&)> progress,
           std::vector<PublicIdentity> signers = {})
        : trainer_(trainer),
          table_(table),
          bucket_(bucket),
          run_(std::move(run)),
          progress_(std::move(progress)),
          signers_(std::move(signers)) {}

    // records: behind the checkpoint's place on the live line. Fault::transport: the bucket does
    // not answer, or stopped; then nothing is known.
    Result<Replayed> run(const std::vector<const Record*>& records, std::stop_token stop);

private:
    // Empty: the record's steps are taken and lead where it says.
    Result<std::string> take_steps(const Record& record, std::stop_token stop);
    // The step's groups, in order. Fault::missing, corrupt or untrusted: one is not there
    // any more.
    Result<std::vector<GameGroup>> fetch(const Record& record, const TrainedStep& step,
                                         std::stop_token stop);
    Result<GameGroup> fetch(const std::string& worker, std::int64_t number);

    Trainer& trainer_;
    const ArrayTable& table_;
    Bucket& bucket_;
    const std::string run_;
    const std::function<void(const ReplayProgress&)> progress_;
    const std::vector<PublicIdentity> signers_;
    Digest digest_;  // of the trainer's words, kept current by what each step changes
};

}  // namespace dws
