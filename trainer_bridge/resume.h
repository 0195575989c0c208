// Where a run stands, read from its log alone: what `--resume` starts from.
#pragma once

#include <stop_token>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/array_table.h"
#include "sync/bucket/bucket.h"
#include "sync/chain.h"

namespace dws {

struct RunState {
    ChainPosition position;  // after the last record
    Bytes words;             // of position.version, in the table's flat buffer
};

// Follows the log to its end and rebuilds its newest version by the cheapest road, a compactor's
// jumps included, checking every hash and digest on the way. Errors: as read_log() and
// load_version() say, naming the record or object; Fault::transport also when stopped. Throws
// std::runtime_error when there is no log, or one without a version.
Result<RunState> read_run(Bucket& bucket, const ArrayTable& table, const std::string& run,
                          std::stop_token stop);

}  // namespace dws
