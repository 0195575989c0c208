// Finished games on their way to the trainer, through the bucket. A worker numbers its groups
// without gaps and creates each only if absent; the trainer reads each worker's next number.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "sync/bucket/bucket.h"
#include "sync/games/game_group.h"

namespace dws {

// The worker's side. Uploads in the background; order is kept.
class GameOutbox {
public:
    // bucket is not owned and outlives this. doorbell: the broker's inner side, empty for none.
    // fault: called on the upload thread; a transport fault is told once and tried again until it
    // works. Fault::superseded: somebody else numbers games under this worker's name; uploads end.
    // Fault::corrupt, on the submitting thread: a group that no reader would accept, not sent.
    GameOutbox(Bucket& bucket, std::string run, std::string worker, const std::string& doorbell,
               std::function<void(const Error&)> fault);
    ~GameOutbox();

    // Takes the group, sets worker and number. Waits while four groups are on their way already.
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
    std::optional<Error> error;
};

// The trainer's side. Discovers workers by listing, fetches in the background.
class GameInbox {
public:
    // cursors: worker -> first number not yet decided, from the log. doorbell: the outer side.
    // capacity: groups held in memory; the rest wait in the bucket. fault: called on the fetching
    // thread, once per outage, and once with Fault::corrupt when there are more than 10,000
    // workers. bucket is not owned and outlives this.
    GameInbox(Bucket& bucket, std::string run, std::map<std::string, std::int64_t> cursors,
              const std::string& doorbell, std::chrono::milliseconds poll, std::size_t capacity,
              std::function<void(const Error&)> fault);
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
