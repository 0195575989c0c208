#include "sync/checkpoint/path.h"

#include <algorithm>

namespace dws {
namespace {

// How many bytes the UTF-8 sequence at the start takes; 0: none. RFC 3629, section 4.
std::size_t sequence_bytes(std::string_view text) {
    const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return 0;
    for (std::size_t index = 1; index < bytes; ++index)
        if ((byte(index) & 0xc0u) != 0x80u) return 0;
    const unsigned second = byte(1);
    const bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool is_surrogate = first == 0xed && second > 0x9f;
    const bool is_past_end = first == 0xf4 && second > 0x8f;
    return is_overlong || is_surrogate || is_past_end ? 0 : bytes;
}

bool is_safe_name(std::string_view name) {
    if (name.empty() || name.size() > kMaxPathNameBytes || name == "." || name == "..")
        return false;
    return std::none_of(name.begin(), name.end(), [](char letter) {
        const auto byte = static_cast<unsigned char>(letter);
        return byte < 0x20 || byte == 0x7f || letter == '\\';
    });
}

}  // namespace

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t bytes = sequence_bytes(text);
        if (bytes == 0) return false;
        text.remove_prefix(bytes);
    }
    return true;
}

bool is_safe_path(std::string_view path) {
    if (path.size() > kMaxPathBytes || !is_utf8(path)) return false;
    for (std::size_t depth = 0; depth < kMaxPathDepth; ++depth) {
        const std::size_t slash = path.find('/');
        if (!is_safe_name(path.substr(0, slash))) return false;
        if (slash == std::string_view::npos) return true;
        path.remove_prefix(slash + 1);
    }
    return false;
}

}  // namespace dws
