// The worker's side: follows the log, fetches, verifies and stages versions in the background, and
// commits them at a token boundary of the worker's choosing.
//
//   waiting -> fetching -> staged -> committing -> rescanning -> waiting
//
// The bucket is the truth: the doorbell only shortens the wait between two polls.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "sync/bucket/bucket.h"
#include "sync/chain.h"
#include "sync/doorbell_end.h"
#include "sync/replica.h"

namespace dws {

struct SubscriberOptions {
    std::string run;
    DoorbellEnd doorbell = {};  // the broker's outer side; empty: polling only
    std::chrono::milliseconds poll{1000};
    std::int64_t hold_back_versions = 0;  // stage a version only when this many newer ones exist
    std::int64_t stop_at_version = -1;    // stage nothing newer than this; -1: no limit
    bool full_rescan = true;              // after every commit; otherwise rescan_tiles, rolling
    std::size_t rescan_tiles = 16;
    Trust trust = {};
};

enum class SubscriberState { waiting, fetching, staged, committing, rescanning, faulted };
const char* name_of(SubscriberState state);
bool may_follow(SubscriberState from, SubscriberState to);

struct CommitReport {
    std::int64_t version = -1;
    std::int64_t trainer_step = 0;
    RecordKind kind = RecordKind::delta;
    std::uint64_t changed_words = 0;
    std::uint64_t file_bytes = 0;
    double notify_ms = 0;  // from the record's creation until its objects are wanted; wall clocks
    double fetch_ms = 0;   // objects, hashes checked
    double stage_ms = 0;   // decode and digest
    double verify_ms = 0;  // of stage_ms: the digest of what the version will be
    double wait_ms = 0;    // staged, until the generating thread asks for the commit
    double pause_ms = 0;   // writing the words: generation stands still
    double sync_ms = 0;    // from the record's creation to the end of the commit; wall clocks
};

struct SubscriberEvents {
    // After each rescan: error is null when live words are what they must be.
    std::function<void(std::int64_t version, std::size_t tiles, const Error* error)> rescanned;
    // A fault and what is done about it ("fetching it again", "reloading anchor 0", ...). What is
    // waited for is told once per version held, with its key and what the operator can do.
    std::function<void(const Error&, const std::string& next_action)> fault;
};

// What a follower knows of the log. A copy; safe to ask for from any thread.
struct LogView {
    std::int64_t newest_version = -1;
    std::int64_t newest_trainer_step = 0;
    bool has_ended = false;
    std::map<std::string, std::int64_t> cursors;
};

class Subscriber {
public:
    // bucket and replica are not owned and outlive this. Starts the background thread.
    Subscriber(Bucket& bucket, Replica& replica, SubscriberOptions options,
               SubscriberEvents events);
    ~Subscriber();

    // The rest is for the one thread that generates.
    bool has_staged() const;  // cheap: one atomic load
    CommitReport commit();    // has_staged() must be true
    LogView log_view() const;
    SubscriberState state() const;
    // Set when the subscriber has given up (untrusted history): the operator must act.
    std::optional<Error> failure() const;
    // False from a rescan that found live words wrong until the reload is committed. Nothing that
    // is generated in between is worth having.
    bool is_sound() const;
    // True when the log has ended, all of it is committed, and the last rescan is done.
    bool is_complete() const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace dws
