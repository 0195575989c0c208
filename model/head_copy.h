// Copies of one head of one sequence, shaped so that attention's inner loops meet whole vectors.
#pragma once

#include <algorithm>
#include <vector>

#include "model/lanes.h"

namespace dws {

// Columns of a (tokens, width) array, from `column` on, `size` wide.
struct HeadColumns {
    const float* first;  // of the sequence's first token, column already added
    std::size_t width;
    std::size_t tokens;
    std::size_t size;
};

// to: (size, stride), element d of token t at d * stride + t; zeros behind the tokens.
inline void copy_by_element(const HeadColumns& head, std::size_t stride, std::vector<float>& to) {
    to.assign(head.size * stride, 0.0f);
    for (std::size_t t = 0; t < head.tokens; ++t) {
        const float* row = head.first + t * head.width;
        for (std::size_t d = 0; d < head.size; ++d) to[d * stride + t] = row[d];
    }
}

// to: (tokens, stride), zeros behind each row.
inline void copy_by_token(const HeadColumns& head, std::size_t stride, std::vector<float>& to) {
    to.assign(head.tokens * stride, 0.0f);
    for (std::size_t t = 0; t < head.tokens; ++t) {
        const float* row = head.first + t * head.width;
        std::copy(row, row + head.size, to.begin() + static_cast<std::ptrdiff_t>(t * stride));
    }
}

}  // namespace dws
