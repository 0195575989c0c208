// What an array is for, by its Hugging Face name: changed weights are counted kind by kind.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace dws {

enum class ArrayKind { embedding, attention, mlp, norm };

inline constexpr std::array kArrayKinds{ArrayKind::embedding, ArrayKind::attention, ArrayKind::mlp,
                                        ArrayKind::norm};

const char* name_of(ArrayKind kind);
// The output head is an embedding too; the norms of queries and keys are norms.
ArrayKind kind_of(std::string_view array);

template <class Number>
using PerKind = std::array<Number, kArrayKinds.size()>;

template <class Number>
Number& at(PerKind<Number>& numbers, ArrayKind kind) {
    return numbers[static_cast<std::size_t>(kind)];
}
template <class Number>
const Number& at(const PerKind<Number>& numbers, ArrayKind kind) {
    return numbers[static_cast<std::size_t>(kind)];
}

}  // namespace dws
