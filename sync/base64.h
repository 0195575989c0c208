// Base64 (RFC 4648, section 4: with '+', '/' and padding, no line breaks), as DSSE envelopes use
// it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dws {

std::string encode_base64(std::string_view plain);
// Empty for anything but the one encoding of some bytes.
std::optional<std::string> decode_base64(std::string_view encoded);

}  // namespace dws
