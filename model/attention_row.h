// The softmax of one query's scores, for attention against a cache.
#pragma once

#include <cmath>
#include <limits>

#include "model/lanes.h"

namespace dws {

// Turns count scores into probabilities, zeros behind them up to whole vectors.
inline void softmax_row(float* scores, std::size_t count) {
    Lanes largest = broadcast(-std::numeric_limits<float>::infinity());
    for (std::size_t j = 0; j < count; j += kLanes) {
        const std::size_t left = std::min(kLanes, count - j);
        const Lanes part =
            keep_first(load(scores + j), left, -std::numeric_limits<float>::infinity());
        largest = maximum(largest, part);
        store(scores + j, part);
    }
    const float top = maximum_of(largest);
    Lanes totals{};
    for (std::size_t j = 0; j < count; j += kLanes) {
        const Lanes power = exp(load(scores + j) - top);
        totals += power;
        store(scores + j, power);
    }
    const float inverse = 1.0f / sum(totals);
    for (std::size_t j = 0; j < count; j += kLanes) store(scores + j, load(scores + j) * inverse);
}

}  // namespace dws
