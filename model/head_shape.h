// Sizes of one token's heads as array widths, for the attention code.
#pragma once

#include <cstddef>

#include "model/config.h"

namespace dws {

struct HeadShape {
    std::size_t queries;  // H
    std::size_t keys;     // K
    std::size_t size;     // head

    explicit HeadShape(const ModelConfig& config)
        : queries(static_cast<std::size_t>(config.query_heads)),
          keys(static_cast<std::size_t>(config.key_heads)),
          size(static_cast<std::size_t>(config.head_size)) {}

    std::size_t width() const { return (queries + 2 * keys) * size; }  // W
    std::size_t query_width() const { return queries * size; }
    std::size_t key_width() const { return keys * size; }
    std::size_t group() const { return queries / keys; }  // query heads of one key head
    // Where a head starts among a token's W numbers.
    std::size_t query_at(std::size_t head) const { return head * size; }
    std::size_t key_at(std::size_t head) const { return (queries + head) * size; }
    std::size_t value_at(std::size_t head) const { return (queries + keys + head) * size; }
};

}  // namespace dws
