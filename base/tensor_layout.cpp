#include "base/tensor_layout.h"

#include <array>

#include "base/require.h"

namespace dws {
namespace {

constexpr std::size_t kAlignment_bytes = 64;

struct DTypeFacts {
    std::string_view name;
    std::size_t width_bytes;
};

// In the order of the enumerators.
constexpr std::array<DTypeFacts, 15> kDTypes{{{"BOOL", 1},
                                              {"U8", 1},
                                              {"I8", 1},
                                              {"F8_E4M3", 1},
                                              {"F8_E5M2", 1},
                                              {"I16", 2},
                                              {"U16", 2},
                                              {"F16", 2},
                                              {"BF16", 2},
                                              {"I32", 4},
                                              {"U32", 4},
                                              {"F32", 4},
                                              {"I64", 8},
                                              {"U64", 8},
                                              {"F64", 8}}};
static_assert(kDTypes.size() == static_cast<std::size_t>(DType::kF64) + 1);

const DTypeFacts& facts_of(DType dtype) {
    const auto index = static_cast<std::size_t>(dtype);
    require(index < kDTypes.size(), "a DType is one of its enumerators");
    return kDTypes[index];
}

std::size_t product(std::size_t a, std::size_t b) {
    std::size_t result = 0;
    require(!__builtin_mul_overflow(a, b, &result), "an array's size fits 64 bits");
    return result;
}

std::size_t sum(std::size_t a, std::size_t b) {
    std::size_t result = 0;
    require(!__builtin_add_overflow(a, b, &result), "the flat buffer's size fits 64 bits");
    return result;
}

std::size_t aligned(std::size_t bytes) {
    return sum(bytes, kAlignment_bytes - 1) / kAlignment_bytes * kAlignment_bytes;
}

}  // namespace

std::size_t width_bytes(DType dtype) { return facts_of(dtype).width_bytes; }

std::string_view name_of(DType dtype) { return facts_of(dtype).name; }

std::optional<DType> dtype_named(std::string_view name) {
    for (std::size_t index = 0; index < kDTypes.size(); ++index)
        if (kDTypes[index].name == name) return static_cast<DType>(index);
    return std::nullopt;
}

std::size_t TensorSpec::elements() const {
    std::size_t count = 1;
    for (const std::int64_t dimension : shape) {
        require(dimension >= 0, "a dimension is not negative");
        count = product(count, static_cast<std::size_t>(dimension));
    }
    return count;
}

TensorLayout::TensorLayout(std::vector<TensorSpec> specs) : specs_(std::move(specs)) {
    offsets_.reserve(specs_.size());
    for (std::size_t index = 0; index < specs_.size(); ++index) {
        const TensorSpec& spec = specs_[index];
        const bool is_new = index_.emplace(spec.name, index).second;
        require(is_new, "no two arrays of a layout have one name");
        const std::size_t offset = aligned(size_bytes_);
        offsets_.push_back(offset);
        size_bytes_ = sum(offset, product(spec.elements(), width_bytes(spec.dtype)));
    }
}

std::optional<std::size_t> TensorLayout::index_of(std::string_view name) const {
    const auto found = index_.find(name);
    if (found == index_.end()) return std::nullopt;
    return found->second;
}

}  // namespace dws
