// Tells the event log what following the trainer's versions brings: commits, rescans, faults.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/event_log.h"
#include "sync/subscriber.h"

namespace dws {

class SyncReport {
public:
    // log: not owned, outlives this. total_words: of the model, for shares.
    SyncReport(EventLog& log, std::uint64_t total_words) : log_(log), total_words_(total_words) {}

    // generation_stall_ms: from asking for the commit until generation could go on. Every commit
    // is one JSON line; people read one line a second at most, for all commits since the last.
    void committed(const CommitReport& commit, double generation_stall_ms);
    // The two below come from the subscriber's thread.
    void rescanned(std::int64_t version, std::size_t tiles, const Error* error);
    void fault(const Error& error, const std::string& next_action);
    // "waiting for ...": each thing waited for is said once.
    void waiting(const std::string& what);

    std::int64_t digests_checked() const { return digests_checked_; }
    std::int64_t digests_failed() const { return digests_failed_; }

private:
    // Commits that no line for people has told of yet.
    struct Untold {
        int commits = 0;
        std::uint64_t changed_words = 0;
        std::uint64_t file_bytes = 0;
        double stall_max_ms = 0;
        double sync_max_ms = 0;
    };
    std::string tell(const CommitReport& commit, double generation_stall_ms);

    EventLog& log_;
    const std::uint64_t total_words_;
    Untold untold_;         // the generating thread's
    double told_s_ = -1e9;  // when people last read of a commit; the generating thread's
    std::atomic<std::int64_t> digests_checked_{0};
    std::atomic<std::int64_t> digests_failed_{0};
    std::mutex mutex_;
    std::set<std::string> waits_said_;  // guarded by mutex_
};

}  // namespace dws
