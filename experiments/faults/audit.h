// Reads a run's log record by record, beside the run, and counts what must not happen.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "experiments/faults/event_watch.h"
#include "experiments/faults/tally.h"
#include "sync/bucket/bucket.h"
#include "sync/chain.h"

namespace dws {

class Audit {
public:
    // bucket is not owned and outlives this.
    Audit(Bucket& bucket, std::string run) : bucket_(bucket), run_(run), reader_(bucket, run) {}

    // Takes in what is new. Fault::transport: the store does not answer. Any other error is final.
    Result<Done> read_on();

    std::int64_t newest_version() const { return reader_.position().version; }
    std::uint64_t epoch() const { return reader_.position().epoch; }
    const std::vector<Record>& records() const { return records_; }
    const std::string& digest_of(std::int64_t version) { return digests_[version]; }

    // Adds to the row what has gone wrong since the last call: versions that a trainer told and
    // the log has not or has otherwise, groups that are gone. The events are those of before the
    // last read_on(), so that every version told is in the log.
    Result<Done> count(const EventWatch& events, Tally& tally);
    // At the run's end, once: reads every group that the newest version was trained on. Adds those
    // that can no longer be read, and those whose games another of them has too, whatever worker
    // and number they go by: that no number stands in two steps the log's reader sees to.
    Result<Done> compare_games(Tally& tally);

private:
    using Group = std::pair<std::string, std::int64_t>;  // worker and number

    struct Learned {
        std::int64_t trainer_step = 0;  // of its record
        Group group;
    };

    void take_in(const Record& record);
    Result<Done> list_groups(Tally& tally);
    Result<std::string> content_of(const Group& group);
    void lose(const Group& group, Tally& tally);

    Bucket& bucket_;
    const std::string run_;
    ChainReader reader_;
    std::vector<Record> records_;
    std::map<std::int64_t, std::string> digests_;  // by version
    std::set<Group> trained_;                      // named by a record
    std::vector<Learned> learned_;                 // those whose steps no rollback has abandoned
    std::set<Group> seen_;                         // that were in the bucket at some time
    std::set<Group> counted_lost_;
    std::set<std::int64_t> counted_versions_;  // already counted as lost or used twice
};

}  // namespace dws
