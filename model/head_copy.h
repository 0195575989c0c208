// Copies of heads of one sequence, shaped so that attention's inner loops meet whole vectors that
// lie side by side. A token's heads are as far apart as a model is wide; a multiple of 4 KiB, as
// it often is, would put all of them into the same few lines of the cache.
#pragma once

#include <algorithm>

#include "model/lanes.h"

namespace dws {

// Columns of a (tokens, width) array, from `column` on, `size` wide.
struct HeadColumns {
    const float* first;  // of the first token, column already added
    std::size_t width;
    std::size_t tokens;
    std::size_t size;
};

// to: (size, stride), element d of token t at d * stride + t; zeros behind the tokens. stride: a
// multiple of kLanes.
inline void copy_by_element(const HeadColumns& head, std::size_t stride, float* to) {
    for (std::size_t t = 0; t < stride; t += kLanes) {
        const std::size_t rows = t < head.tokens ? std::min(kLanes, head.tokens - t) : 0;
        for (std::size_t d = 0; d < head.size; d += kLanes) {
            const std::size_t columns = std::min(kLanes, head.size - d);
            Lanes square[kLanes] = {};
            for (std::size_t i = 0; i < rows; ++i) {
                square[i] = load_part(head.first + (t + i) * head.width + d, columns);
            }
            transpose(square);
            for (std::size_t i = 0; i < columns; ++i) store(to + (d + i) * stride + t, square[i]);
        }
    }
}

// Of `heads` neighbouring heads of each token. to: (tokens * heads, stride), zeros behind each row.
// stride: size, rounded up to whole vectors.
inline void copy_by_token(const HeadColumns& head, std::size_t heads, std::size_t stride,
                          float* to) {
    for (std::size_t t = 0; t < head.tokens; ++t) {
        for (std::size_t h = 0; h < heads; ++h, to += stride) {
            const float* from = head.first + t * head.width + h * head.size;
            for (std::size_t d = 0; d < head.size; d += kLanes) {
                store(to + d, load_part(from + d, std::min(kLanes, head.size - d)));
            }
        }
    }
}

}  // namespace dws
