// Finished games on their way to the trainer, through the bucket. A worker numbers its groups
// without gaps and creates each only if absent; the trainer reads each worker's numbers in order.
// Both sides have several calls under way, so a distant bucket costs latency and not throughput.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/identity.h"
#include "sync/bucket/bucket.h"
#include "sync/doorbell_end.h"
#include "sync/games/game_group.h"

namespace dws {

// The worker's side. Uploads in the background, four groups at once: of two in the bucket there may
// be up to three between them that are not there yet, and never will be when the process is killed.
class GameOutbox {
public:
    // bucket is not owned and outlives this. doorbell: the broker's inner side, empty for none.
    // fault: called on an upload thread, one call at a time; a transport fault is told once and
    // tried again until it works. Fault::superseded: somebody else numbers games under this
    // worker's name; uploads end.
    // Fault::corrupt, on the submitting thread: a group that no reader would accept, not sent.
    // signer: signs every group.
    GameOutbox(Bucket& bucket, std::string run, std::string worker, const DoorbellEnd& doorbell,
               std::function<void(const Error&)> fault, std::optional<Identity> signer = {});
    ~GameOutbox();

    // Takes the group, sets worker and number. Waits while four groups are on their way already,
    // counted from the first that is not in the bucket.
    // False when stop was requested first, or uploads have ended.
    bool submit(GameGroup group, std::stop_token stop);
    // True when submit() would not wait now. One thread submits, so it stays true until it does.
    bool has_room() const;
    std::int64_t submitted() const;  // groups so far = the next number
    // Waits until all that was submitted is in the bucket. False when stopped first, or uploads
    // have ended.
    bool flush(std::stop_token stop);

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

// A group as found in the bucket, or the reason why number `number` of `worker` is unreadable.
struct ReceivedGroup {
    std::string worker;
    std::int64_t number = 0;
    std::optional<GameGroup> group;  // empty: refused
    std::optional<Error> error;      // untrusted: no listed worker signed it; missing: never came
};

// A worker writes four groups at once, so one that is missing while a later one is there for so
// long is not coming: each put is made again for 10 s (RetryPolicy), and a line that was cut for
// half a minute has healed by then. The worker plays on, up to as many undecided as it may have.
inline constexpr std::chrono::milliseconds kGapPatience{60'000};

// The trainer's side. Discovers workers by listing, fetches in the background, up to 16 groups at a
// time (sync/games/game_fetch_plan.h says in which order, and how a group that never comes is
// passed over: it is handed out as refused with Fault::missing).
class GameInbox {
public:
    // cursors: worker -> first number not yet decided, from the log. doorbell: the outer side.
    // capacity: groups held in memory, those under way included; the rest wait in the bucket.
    // fault: called on a fetching thread, one call at a time, once per outage, and once with
    // Fault::corrupt when there are more than 10,000 workers. signers: the workers that may play,
    // each under any name; empty: anybody may. gap: how long a later group is there before an
    // absent one is given up. bucket is not owned and outlives this.
    GameInbox(Bucket& bucket, std::string run, std::map<std::string, std::int64_t> cursors,
              const DoorbellEnd& doorbell, std::chrono::milliseconds poll, std::size_t capacity,
              std::function<void(const Error&)> fault, std::vector<PublicIdentity> signers = {},
              std::chrono::milliseconds gap = kGapPatience);
    ~GameInbox();

    // The next group, of any worker, each worker's in order. Empty when stop was requested.
    std::optional<ReceivedGroup> pop(std::stop_token stop);
    std::size_t waiting() const;  // groups fetched and not yet popped
    std::size_t workers() const;  // seen so far

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace dws
