// How well one version plays: a fixed set of games, one each, with fixed sampling seeds, at
// temperature 1. Nothing goes to the bucket.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/event_log.h"
#include "configs/config.h"
#include "rollout_worker/worker_trust.h"
#include "sync/bucket/bucket.h"

namespace dws {

// version: a number, or "latest": the newest in the log now. Writes the event "evaluation".
// Returns 0. Throws std::runtime_error when there is no such version or stop was requested first.
int evaluate(const Config& config, const WorkerTrust& trust, Bucket& bucket, EventLog& log,
             const std::string& version, std::stop_token stop);

}  // namespace dws
