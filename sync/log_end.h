// Whether a log ends where its reader stopped. A reader goes on until a record is absent, so one
// that was lost in the middle looks like the end; only a listing shows what comes after it.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "sync/bucket/bucket.h"

namespace dws {

// One more than the highest sequence number under log/; 0: none. To be asked before the log is
// read: then records that come meanwhile are no gap.
Result<std::uint64_t> listed_log_end(Bucket& bucket, const std::string& run);

// read: how many records followed on. Fault::corrupt: the listing had more.
Result<Done> check_log_end(std::uint64_t listed, std::uint64_t read);

}  // namespace dws
