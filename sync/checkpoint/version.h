// What a checkpoint needs of a run, from nothing but its bucket: the log in full, the arrays of a
// version, and the files that accompany it.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "sync/array_table.h"
#include "sync/bucket/bucket.h"
#include "sync/chain.h"
#include "sync/checkpoint/manifest.h"
#include "sync/record.h"
#include "sync/version_history.h"

namespace dws {

struct RunLog {
    std::vector<Record> versions;  // records of kind anchor and delta, in order
    VersionHistory history;        // of the same: the roads to each
    ChainPosition position;

    // Null: the log has no such version. -1: the newest.
    const Record* find(std::int64_t version) const;
};

// All of it, checked as a follower does. A run without a log is an empty one, no fault. Fault::
// transport also when stopped.
Result<RunLog> read_run_log(Bucket& bucket, const std::string& run, std::stop_token stop,
                            const Trust& trust = {});

// The version's manifest; empty: it came without files. Fault::corrupt: not a manifest.
Result<std::optional<CheckpointManifest>> fetch_manifest(Bucket& bucket, const Record& record);

// The arrays of a version: as its manifest's headers say, or, without one, as the anchor does from
// which it is rebuilt (which is fetched for it). Fault::corrupt: not those of its layout hash.
Result<ArrayTable> table_of_version(Bucket& bucket, RunLog& log, const Record& record,
                                    const std::optional<CheckpointManifest>& manifest,
                                    std::stop_token stop);

}  // namespace dws
