// Safetensors files made by hand, for tests of what is wrong with them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/safetensors.h"

namespace dws {

inline Bytes file_of(std::string_view header, std::string_view data) {
    Bytes file;
    for (std::size_t index = 0; index < 8; ++index)
        file.push_back(static_cast<std::byte>(header.size() >> (8 * index) & 0xff));
    for (const std::byte byte : bytes_of(header)) file.push_back(byte);
    for (const std::byte byte : bytes_of(data)) file.push_back(byte);
    return file;
}

// Empty when the file was accepted.
inline std::string refusal(const Bytes& file) {
    const auto parsed = SafetensorsView::parse(file);
    if (parsed) return "";
    EXPECT_EQ(parsed.error().fault, Fault::corrupt);
    return parsed.error().detail;
}

// A good header of one array "a" with these fields.
inline std::string one_array(std::string_view dtype, std::string_view shape,
                             std::string_view offsets) {
    std::string text = R"({"a":{"dtype":")";
    text.append(dtype).append(R"(","shape":)").append(shape);
    return text.append(R"(,"data_offsets":)").append(offsets).append("}}");
}

// Two arrays, one empty array and metadata, in few bytes.
inline Bytes small_file() {
    const std::string data = "0123456789";
    const std::vector<TensorView> tensors{
        {{"w", DType::kBF16, {2, 2}}, bytes_of(data).subspan(0, 8)},
        {{"empty", DType::kF32, {0}}, {}},
        {{"b", DType::kU8, {2}}, bytes_of(data).subspan(8, 2)}};
    return write_safetensors(tensors, {{"format", "sparse"}, {"note", "\"\\\n\xc3\xa4"}});
}

}  // namespace dws
