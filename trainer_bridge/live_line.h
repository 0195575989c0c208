// A log as a trainer reads it that goes on with it: the records whose steps are still part of the
// newest version, and the versions that a rollback has abandoned.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "sync/games/game_group.h"
#include "sync/record.h"

namespace dws {

// Versions that once were the policy and are no longer in the history of the newest one.
class AbandonedVersions {
public:
    void add(std::int64_t first, std::int64_t last) { ranges_.emplace_back(first, last); }
    bool hold(std::int64_t version) const;
    // A token of the group was sampled from one of them.
    bool sampled(const GameGroup& group) const;

private:
    std::vector<std::pair<std::int64_t, std::int64_t>> ranges_;  // first and last, both included
};

class LiveLine {
public:
    // Records before sequence number keep_from are read of and forgotten: their games would be a
    // gigabyte after a million versions.
    explicit LiveLine(std::uint64_t keep_from) : keep_from_(keep_from) {}

    // The log's next record, checked. Objects are not kept.
    void add(Record record);

    // What stands behind the newest record kept at which the trainer's words had this digest at
    // this step, not before sequence number first. Empty: there is none, or its steps are
    // abandoned.
    struct Place {
        std::vector<const Record*> later;  // in the log's order; good until add()
    };
    std::optional<Place> find(std::uint64_t first, std::int64_t trainer_step,
                              const Digest& digest) const;

    const AbandonedVersions& abandoned() const { return abandoned_; }
    // What a rollback from the newest version to this step abandons, as add() does of its record.
    void abandon_after(std::int64_t trainer_step);

private:
    struct Version {
        std::int64_t version;
        std::int64_t trainer_step;
    };
    const std::uint64_t keep_from_;
    std::vector<Version> versions_;  // of the line, ascending
    std::deque<Record> records_;     // of the line, from keep_from_ on
    AbandonedVersions abandoned_;
};

}  // namespace dws
