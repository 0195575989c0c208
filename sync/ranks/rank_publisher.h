// The trainer's side where several ranks hold one model: one RankPublisher in each of them. A
// background thread encodes and uploads this rank's shard; rank 0's also commits. The trainer hands
// over every step with what rank 0 announced for it, and never waits for the bucket.
//
//   before a step   rank 0: said = publisher.announcement(); broadcast it to all ranks
//   after the step  every rank: publisher.hand_over(own changes, said)
//
// A rank keeps the steps of an attempt until it knows how it ended: the next announcement says so.
// Committed, they are dropped; given up (a receipt did not come in time, or was a failure), they
// merge with what is pending and go into the next attempt. A rank that dies may be replaced at any
// time when no attempt is open; an attempt it was needed for is given up or has all receipts. When
// rank 0 dies, the next one begins a new epoch, so that no late record of the dead one can follow,
// and goes on from the log: what the others keep is settled by its first cut.
//
// The ranks continue a log that begins with an anchor. Anchor 0 is written by an ordinary Publisher
// in rank 0's process, from words gathered there once: an anchor's files hold whole arrays, and a
// shard may begin inside one.
//
// Memory: at most the changes pending and those of one attempt.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "sync/array_table.h"
#include "sync/bucket/bucket.h"
#include "sync/chain.h"
#include "sync/pending.h"
#include "sync/ranks/shard_commit.h"
#include "sync/ranks/shard_writer.h"

namespace dws {

// What the thread has to say; called on that thread or on those of uploads and receipts.
struct RankEvents {
    std::function<void(const Record&)> committed;  // rank 0
    // transport: it goes on trying. Others: an attempt was given up, or this rank has stopped.
    std::function<void(const Error&)> fault;
};

class RankPublisher {
public:
    // Rank 0 of a run whose log ends at `position`. Commits the record of a new epoch before it
    // returns; rank 0 holds position.version. shard.rank is 0. Throws std::runtime_error for shards
    // that do not fit the table (shards_fault()). bucket and table are not owned and outlive this.
    static Result<std::unique_ptr<RankPublisher>> lead(Bucket& bucket, const ArrayTable& table,
                                                       ShardOptions shard,
                                                       ShardCommitOptions commit, RankEvents events,
                                                       ChainPosition position);
    // Any other rank, holding base_version: what rank 0 says is committed while no attempt is open.
    // Throws as above.
    static std::unique_ptr<RankPublisher> follow(Bucket& bucket, const ArrayTable& table,
                                                 ShardOptions shard, RankEvents events,
                                                 std::int64_t base_version);
    ~RankPublisher();

    // Rank 0, before a step. With a cut when the attempt before is settled; such an announcement is
    // handed over by every rank, rank 0 included. may_cut: false for a step that shall merge on.
    Announcement announcement(bool may_cut = true);

    // The step's changes in this rank's shard (rank 0: and the games), with what was announced for
    // it. A cut that comes again is ignored. An empty step only carries the announcement; it
    // restates the trainer step. False when this rank has stopped for good (failure() says why).
    bool hand_over(Pending step, const Announcement& said);

    // Waits until no attempt is open here: of rank 0, it is committed or given up; of another rank,
    // its receipt is written. False on failure or stop.
    bool settle(std::stop_token stop);
    // Whether steps were handed over that no version holds, as far as this rank has heard.
    bool has_unpublished() const;
    std::int64_t committed_version() const;  // the newest this rank has heard of

    // Rank 0, with everything committed: the record that ends the run.
    Result<Done> finish(std::stop_token stop);

    std::optional<Error> failure() const;

private:
    struct Parts;
    explicit RankPublisher(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace dws
