// One run and many followers of it on one machine. Each follower is what a
// worker has: a bucket of its own, a doorbell's listener, a pinned key, a
// memory of how far it came, a Subscriber and a Replica that verify everything,
// live words after each commit included. Small versions, signed, are published
// at an even pace; what is measured is how long until each follower holds them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "experiments/load/latencies.h"

namespace dws {

struct FollowerLoad {
    std::string bucket_uri;
    std::string run = "load";
    std::string doorbell_inside, doorbell_outside;  // of a broker that is running
    std::filesystem::path memory;  // folder of the followers' memories, made; empty: none
    int words = 155'168;           // as many as the demo's model has, bf16
    double changed_share = 0.03;   // of the words, from version to version
    double interval_ms = 500;      // from one version to the next
    double poll_ms = 1000;
    std::uint64_t seed = 1;
};

struct FollowerCounts {
    int followers = 0;
    int versions = 0;
    Latencies publish;                   // of the publisher: from a step's hand-over to its
                                         // committed record
    Latencies commit;                    // of every follower: from the step's hand-over to the
                                         // follower's commit
    Latencies last;                      // of each version: the last follower's commit
    double gets_per_commit = 0;          // calls of followers to the bucket
    double processor_ms_per_commit = 0;  // of this process: publisher and followers
    std::uint64_t rescans = 0;           // full, of live words
    std::uint64_t failures = 0;  // rescans that failed, faults, digests that differ, lost versions
};

class FollowerRun {
public:
    // Publishes version 0. Throws std::runtime_error when the bucket refuses.
    FollowerRun(const FollowerLoad& load, std::stop_token stop);
    ~FollowerRun();

    // Lets followers join until there are `followers`, waits until all hold the
    // newest version, then publishes `versions` and measures. Throws
    // std::runtime_error when a follower does not arrive.
    FollowerCounts measure(int followers, int versions);

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace dws
