// Named arrays laid one after another in one flat buffer: the model reads weights through it, sync
// ships them by it, and both must mean the same byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dws {

// The safetensors names, in the order of their width in bytes.
enum class DType {
    kBool,
    kU8,
    kI8,
    kF8E4M3,
    kF8E5M2,
    kI16,
    kU16,
    kF16,
    kBF16,
    kI32,
    kU32,
    kF32,
    kI64,
    kU64,
    kF64
};

std::size_t width_bytes(DType dtype);
std::string_view name_of(DType dtype);                    // "BF16", "F8_E4M3", ...
std::optional<DType> dtype_named(std::string_view name);  // empty for an unknown name

struct TensorSpec {
    std::string name;
    DType dtype;
    std::vector<std::int64_t> shape;

    std::size_t elements() const;  // product of the shape; 1 for a scalar
    bool operator==(const TensorSpec&) const = default;
};

// Where each array starts in the flat buffer.
class TensorLayout {
public:
    // Every array starts at a multiple of 64 bytes (a cache line, and the widest SIMD load).
    // Names are distinct, dimensions not negative, and the sum fits 64 bits.
    explicit TensorLayout(std::vector<TensorSpec> specs);

    const std::vector<TensorSpec>& specs() const { return specs_; }
    std::size_t offset_bytes(std::size_t index) const { return offsets_[index]; }
    std::size_t size_bytes() const { return size_bytes_; }  // of the flat buffer, gaps included
    std::optional<std::size_t> index_of(std::string_view name) const;

private:
    std::vector<TensorSpec> specs_;
    std::vector<std::size_t> offsets_;
    std::map<std::string, std::size_t, std::less<>> index_;  // of each name in specs_
    std::size_t size_bytes_ = 0;
};

}  // namespace dws
