// The arrays of a run, from nothing but the bucket: an anchor's files name them all.
#pragma once

#include "base/result.h"
#include "sync/array_table.h"
#include "sync/fetch.h"
#include "sync/record.h"

namespace dws {

// anchor: of the log or of a jump. Fetches all of its files, one in memory at a time. Fault::
// corrupt: not its arrays (the record's layout hash decides), or files larger than they can need.
Result<ArrayTable> read_table(const Record& anchor, const ObjectSource& source);

}  // namespace dws
