// Whole files, for tests.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/bytes.h"
#include "base/require.h"

namespace dws {

inline Bytes read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    require(file.good(), "the file can be opened");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto bytes = bytes_of(text);
    return Bytes(bytes.begin(), bytes.end());
}

inline void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    std::ofstream file(path, std::ios::binary);
    const std::string_view text = text_of(bytes);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    require(file.good(), "the file can be written");
}

}  // namespace dws
