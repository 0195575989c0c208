// The path of a file inside a checkpoint's folder, as it stands in a manifest. It comes from a
// bucket, and a file is written where it says: it must lead nowhere else.
#pragma once

#include <cstddef>
#include <string_view>

namespace dws {

// Those of file systems, and deeper than any model's folder.
inline constexpr std::size_t kMaxPathBytes = 1'024;
inline constexpr std::size_t kMaxPathNameBytes = 255;
inline constexpr std::size_t kMaxPathDepth = 16;

bool is_utf8(std::string_view text);

// '/'-separated names in UTF-8: none empty, "." or "..", no control character, no backslash.
bool is_safe_path(std::string_view path);

}  // namespace dws
