// A run's versions in another bucket: what was published through a store can be looked at, and
// published again, after the store is gone.
#pragma once

#include <cstdint>
#include <string>

#include "sync/bucket/bucket.h"

namespace dws {

// Copies the run's log and the objects it may name, but no games. How many bytes. Throws
// std::runtime_error when a call to either bucket fails.
std::uint64_t copy_run(Bucket& from, Bucket& to, const std::string& run);

}  // namespace dws
