// Where the keys and values of some tokens of one sequence lie: a page holds kPageTokens of them,
// for all layers. Within a layer a key head has its keys, element by element, so that a query
// meets neighbouring keys in one vector, and then its values, token by token:
//
//   (layers, K, 2, head * kPageTokens): keys (head, kPageTokens), values (kPageTokens, head)
#pragma once

#include <cstddef>

#include "model/head_shape.h"
#include "model/lanes.h"

namespace dws {

// One of the widest vectors. More tokens waste more of a sequence's last page, and share less.
inline constexpr std::size_t kPageTokens = 16;
static_assert(kPageTokens % kLanes == 0);

inline std::size_t pages_for(std::size_t tokens) {
    return (tokens + kPageTokens - 1) / kPageTokens;
}

// Numbers of a page in one layer; of its key head's keys and values.
inline std::size_t page_head_numbers(const HeadShape& shape) {
    return 2 * shape.size * kPageTokens;
}
inline std::size_t page_layer_numbers(const HeadShape& shape) {
    return shape.keys * page_head_numbers(shape);
}

}  // namespace dws
