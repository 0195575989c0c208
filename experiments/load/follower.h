// One of many followers of a run: a worker without a model. Its words are
// committed by a thread that serves all followers, as a worker's engine commits
// between two tokens.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

#include "experiments/load/counting_bucket.h"
#include "sync/replica.h"
#include "sync/subscriber.h"

namespace dws {

class Follower {
public:
    // table is not owned and outlives this.
    Follower(const std::string& bucket_uri, const ArrayTable& table, SubscriberOptions options,
             std::stop_token stop);

    // The rest, but for the counts, is for one thread at a time.

    // Commits what is staged, if anything.
    void commit_staged();
    std::int64_t version() const { return committed_; }  // -1: none
    // When each version was committed, on monotonic_s().
    const std::map<std::int64_t, double>& committed_at_s() const { return committed_at_s_; }
    bool holds(const Digest& digest) const { return replica_.digest() == digest; }

    std::uint64_t gets() const { return bucket_.gets() + bucket_.lists(); }
    std::uint64_t rescans() const { return rescans_; }
    std::uint64_t failures() const { return failures_; }  // faults, and rescans that failed
    std::string last_fault() const;                       // empty: there was none

private:
    SubscriberEvents events();

    CountingBucket bucket_;
    Bytes words_;
    Replica replica_;
    std::int64_t committed_ = -1;
    std::map<std::int64_t, double> committed_at_s_;
    std::atomic<std::uint64_t> rescans_ = 0, failures_ = 0;
    mutable std::mutex mutex_;
    std::string last_fault_;  // guarded by mutex_
    Subscriber subscriber_;   // last member: its thread ends first
};

}  // namespace dws
