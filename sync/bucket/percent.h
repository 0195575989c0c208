// Percent-encoding as S3 wants it in addresses and signatures: every byte but A-Z a-z 0-9 - . _ ~
// becomes %XY with capital digits (RFC 3986, "unreserved").
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dws {

enum class Slashes { encoded, kept };  // '/' separates names in a path, and nothing in a query

std::string percent_encode(std::string_view text, Slashes slashes = Slashes::encoded);

// Nothing when a '%' is not followed by two hex digits. '+' stays what it is.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace dws
