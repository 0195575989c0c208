// One version of a run in memory, from nothing but the bucket: the log read to its end, and the
// cheapest road to the version, with a compactor's jumps where they help or the log's own objects
// are gone.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "sync/bucket/bucket.h"
#include "sync/chain.h"
#include "sync/replica.h"
#include "sync/version_history.h"

namespace dws {

struct LogState {
    ChainPosition position;  // after the last record
    VersionHistory versions;
};

// Every record up to the one that is not there yet, checked as ChainReader does; no record at all
// is no error. Errors: as ChainReader says; Fault::transport also when stopped.
Result<LogState> read_log(Bucket& bucket, const std::string& run, std::stop_token stop,
                          const Trust& trust = {});

// Takes the replica from what it holds (-1: nothing) to `version`, not below that, which is one of
// the history's; commits piece by piece. Pieces that are gone or wrong are struck and another road
// is taken; when none is left: the fault of the last one. The replica then holds some version on
// the way. Fault::transport also when stopped.
Result<Done> load_version(Bucket& bucket, const std::string& run, VersionHistory& versions,
                          Replica& replica, std::int64_t version, std::stop_token stop);

}  // namespace dws
