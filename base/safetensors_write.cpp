#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "base/require.h"
#include "base/safetensors.h"

namespace dws {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kHeaderAlignment = 8;

// Text in quotes, as JSON writes it.
std::string json_text(std::string_view text) {
    try {
        return nlohmann::json(text).dump();
    } catch (const nlohmann::json::exception&) {
        throw std::runtime_error("cannot write safetensors: a name or metadata is not UTF-8");
    }
}

std::string entry_text(const TensorSpec& spec, std::size_t begin, std::size_t end) {
    return fmt::format(R"({}:{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})",
                       json_text(spec.name), name_of(spec.dtype), nlohmann::json(spec.shape).dump(),
                       begin, end);
}

std::string metadata_text(const Metadata& metadata) {
    std::string text;
    for (const auto& [name, value] : metadata)
        text += fmt::format("{}{}:{}", text.empty() ? "" : ",", json_text(name), json_text(value));
    return fmt::format(R"("__metadata__":{{{}}})", text);
}

// The JSON header, padded. Metadata stands first, where a reader's eye falls.
std::string header_text(std::span<const TensorSpec* const> specs, const Metadata& metadata) {
    std::string text = "{";
    if (!metadata.empty()) text += metadata_text(metadata);
    std::set<std::string_view> names{"__metadata__"};
    std::size_t begin = 0;
    for (const TensorSpec* spec : specs) {
        require(names.insert(spec->name).second, "array names are distinct");
        const std::size_t size_bytes = spec->elements() * width_bytes(spec->dtype);
        if (text.size() > 1) text += ",";
        text += entry_text(*spec, begin, begin + size_bytes);
        begin += size_bytes;
    }
    text += "}";
    while (text.size() % kHeaderAlignment != 0) text += " ";
    return text;
}

// data_bytes: what the caller will append.
Bytes begin_file(std::span<const TensorSpec* const> specs, const Metadata& metadata,
                 std::size_t data_bytes) {
    const std::string header = header_text(specs, metadata);
    if (header.size() > kMaxHeaderBytes)
        throw std::runtime_error("cannot write safetensors: header of more than 100 MB");
    Bytes file;
    file.reserve(kLengthBytes + header.size() + data_bytes);
    for (std::size_t index = 0; index < kLengthBytes; ++index)
        file.push_back(static_cast<std::byte>(header.size() >> (8 * index) & 0xff));
    const auto header_bytes = bytes_of(header);
    file.insert(file.end(), header_bytes.begin(), header_bytes.end());
    return file;
}

}  // namespace

Bytes write_safetensors(std::span<const TensorView> tensors, const Metadata& metadata) {
    std::vector<const TensorSpec*> specs;
    specs.reserve(tensors.size());
    std::size_t data_bytes = 0;
    for (const TensorView& tensor : tensors) {
        require(tensor.data.size() == tensor.spec.elements() * width_bytes(tensor.spec.dtype),
                "an array's data has its spec's size");
        specs.push_back(&tensor.spec);
        data_bytes += tensor.data.size();
    }
    Bytes file = begin_file(specs, metadata, data_bytes);
    for (const TensorView& tensor : tensors)
        file.insert(file.end(), tensor.data.begin(), tensor.data.end());
    return file;
}

Bytes write_safetensors_header(std::span<const TensorSpec> tensors, const Metadata& metadata) {
    std::vector<const TensorSpec*> specs;
    specs.reserve(tensors.size());
    for (const TensorSpec& spec : tensors) specs.push_back(&spec);
    return begin_file(specs, metadata, 0);
}

}  // namespace dws
