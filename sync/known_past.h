// The records of a log up to one that is known by its hash. Each record names the hash of the one
// before it, so that one hash stands for all of them. The walk there keeps hashes alone; the
// records are read again when they are wanted, and must be those.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "sync/bucket/bucket.h"
#include "sync/trust.h"

namespace dws {

class KnownPast {
public:
    // end: empty for a past of no records. bucket is not owned and outlives this.
    KnownPast(Bucket& bucket, std::string run, std::optional<KnownRecord> end)
        : bucket_(bucket), run_(std::move(run)), end_(std::move(end)) {}

    // To the end, once; goes on where a fault stopped it. Fault::untrusted: the bucket's records do
    // not lead there. Fault::transport also when stopped.
    Result<Done> walk(std::stop_token stop);

    // After the walk.
    bool holds(std::uint64_t sequence) const { return end_ && sequence <= end_->sequence; }
    bool is_record(std::uint64_t sequence, const std::string& sha256) const;

private:
    Result<Done> take(std::uint64_t sequence, const Result<Bytes>& stored);
    std::uint64_t walked() const;
    Error untrusted(std::uint64_t sequence, const std::string& why) const;

    Bucket& bucket_;
    const std::string run_;
    const std::optional<KnownRecord> end_;
    std::string hashes_;  // 64 digits per record
};

}  // namespace dws
