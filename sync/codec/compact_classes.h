// Where the exponents are cut into classes: from how many words of each key there are and how many
// of them changed, so that the positions of the changes cost the fewest bits.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "base/tensor_layout.h"
#include "sync/codec/compact_format.h"

namespace dws {

// Of a sample of tiles of one dtype.
struct KeyHistogram {
    std::array<std::uint64_t, 256> words{};    // by the old word's key
    std::array<std::uint64_t, 256> changed{};  // of those

    std::uint64_t tiles = 0;

    KeyHistogram& operator+=(const KeyHistogram& other);
};

// before, after: (words,) of one tile. A quarter of the words is looked at;
// a tile without changes costs nothing and counts nothing.
void count_keys(const std::byte* before, const std::byte* after, std::size_t words,
                std::size_t word_bytes, KeyHistogram& histogram);

// The best thresholds; none where one section is best.
ExponentClasses choose_classes(const KeyHistogram& histogram);

// A dtype that is absent has one flat section.
using ClassTable = std::map<DType, ExponentClasses>;

}  // namespace dws
