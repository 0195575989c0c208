// Finds the jumps that could shorten a follower's road. They cost a listing and one small object
// each; whatever is wrong with them costs the follower bytes, never the run.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "sync/bucket/bucket.h"
#include "sync/jump.h"
#include "sync/version_history.h"

namespace dws {

// One entry of <run>/jumps/, as it is stored.
Result<Bytes> fetch_jump(Bucket& bucket, const std::string& run, const JumpEnds& ends);
// What it says. Fault::corrupt: it is none of this run between these versions. Fault::untrusted:
// none of the signers signed it; no signers: anybody may.
Result<Jump> open_jump(std::span<const std::byte> stored, const std::string& run,
                       const JumpEnds& ends, std::span<const PublicIdentity> signers);

// Lists <run>/jumps/ and adds to the history what leads from `held` (-1: nothing) towards
// `target`. passed_over: hears of each jump (its key; the folder when it cannot be listed) that
// cannot be used, but not of those that are gone since the listing. May be empty.
void add_jumps(Bucket& bucket, const std::string& run, std::int64_t held, std::int64_t target,
               VersionHistory& history,
               const std::function<void(const Error&, const std::string& key)>& passed_over,
               std::stop_token stop);

}  // namespace dws
