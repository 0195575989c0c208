// Owned bytes, and the two ways text becomes bytes and bytes text.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace dws {

using Bytes = std::vector<std::byte>;

inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace dws
