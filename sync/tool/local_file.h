// A file of this machine that the user named, whole.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace dws {

// Fault::missing: there is none. Fault::corrupt: no regular file, or above most_bytes.
Result<Bytes> read_local_file(const std::string& path, std::uint64_t most_bytes);

}  // namespace dws
