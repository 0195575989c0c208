// The safetensors file format (8-byte little-endian header length, JSON header, data), read from
// bytes that nobody vouches for and written so that any tool opens it.
// https://huggingface.co/docs/safetensors, "Format".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/tensor_layout.h"

namespace dws {

// What the bytes allow, never configurable. A header of 100 MB is the format's own limit; a
// million arrays and 8 dimensions are ten times what the largest public checkpoint holds.
inline constexpr std::size_t kMaxHeaderBytes = 100'000'000;
inline constexpr std::size_t kMaxArrays = 1'000'000;
inline constexpr std::size_t kMaxDimensions = 8;
inline constexpr std::size_t kMaxMetadata = 100'000;  // a map's node is ten times its JSON

using Metadata = std::map<std::string, std::string>;

// One array inside a file: its description and its bytes, which point into the file's buffer.
struct TensorView {
    TensorSpec spec;
    std::span<const std::byte> data;
};

// Where one array lies in its file.
struct TensorPlace {
    TensorSpec spec;
    std::uint64_t offset_bytes;  // from the file's start
    std::uint64_t size_bytes;
};

// A header alone, for files that are read or written piece by piece.
struct SafetensorsHeader {
    // start: the file's first bytes, the whole header among them. file_bytes: of the whole file,
    // when known. Refuses what SafetensorsView::parse() refuses.
    static Result<SafetensorsHeader> parse(std::span<const std::byte> start,
                                           std::optional<std::uint64_t> file_bytes);

    std::uint64_t data_offset_bytes = 0;  // the length field and the JSON text, padding included
    std::uint64_t file_bytes = 0;         // as the arrays add up
    std::vector<TensorPlace> tensors;     // in order of offset
    Metadata metadata;
};

// How long a file's header is, length field included, from its first 8 bytes. Fault::corrupt above
// the format's limit.
Result<std::uint64_t> header_bytes_of(std::span<const std::byte> start);

// A parsed file. Owns nothing: the bytes given to parse() must outlive it.
class SafetensorsView {
public:
    // Refuses, before allocating anything in proportion to a claim: a length past the end, a
    // header that is not JSON of the right form, duplicate names, unknown dtypes, negative or
    // overflowing shapes, ranges that overlap, leave holes, or do not fit their shape.
    static Result<SafetensorsView> parse(std::span<const std::byte> file);

    const std::vector<TensorView>& tensors() const { return tensors_; }  // in order of offset
    const Metadata& metadata() const { return metadata_; }
    const TensorView* find(std::string_view name) const;  // null when absent

private:
    std::vector<TensorView> tensors_;
    std::map<std::string, std::size_t, std::less<>> index_;
    Metadata metadata_;
};

// The whole file. Tensors are laid out in the order given; the header is padded with spaces so
// that the data starts at a multiple of 8 bytes. Each view's data must have its spec's size.
Bytes write_safetensors(std::span<const TensorView> tensors, const Metadata& metadata);
// The same file up to its first array, for data that follows piece by piece.
Bytes write_safetensors_header(std::span<const TensorSpec> tensors, const Metadata& metadata);

}  // namespace dws
