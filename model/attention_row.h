// Attention of one query, for the CPU code: its scores against many keys, their softmax, and the
// sum of values they weigh.
#pragma once

#include <cmath>
#include <limits>

#include "model/lanes.h"

namespace dws {

// scores[j] = scale * query . key j. query: (size,). keys: (size, stride), element d of key j at
// d * stride + j. scores and each row of keys reach round_up_to_lanes(count).
inline void score_row(const float* query, const float* keys, std::size_t size, std::size_t stride,
                      std::size_t count, float scale, float* scores) {
    for (std::size_t j = 0; j < count; j += kLanes) {
        Lanes even{}, odd{};  // two sums: one alone would wait for itself
        for (std::size_t d = 0; d < size; d += 2) {
            even += query[d] * load(keys + d * stride + j);
            odd += query[d + 1] * load(keys + (d + 1) * stride + j);
        }
        store(scores + j, (even + odd) * scale);
    }
}

// Turns count scores into probabilities, zeros behind them up to whole vectors. Returns the log
// of the divisor, so that exp(score - it) is the probability.
inline float softmax_row(float* scores, std::size_t count) {
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
    const float total = sum(totals);
    const float inverse = 1.0f / total;
    for (std::size_t j = 0; j < count; j += kLanes) store(scores + j, load(scores + j) * inverse);
    return top + std::log(total);
}

// mixed = sum over j of weights[j] * row j. weights: (count,). rows: (count, stride), of which
// the first size columns count. mixed: (size,).
inline void weigh_rows(const float* weights, const float* rows, std::size_t count,
                       std::size_t stride, std::size_t size, float* mixed) {
    for (std::size_t d = 0; d < size; d += kLanes) {
        const std::size_t left = std::min(kLanes, size - d);
        Lanes totals[4] = {};  // four sums: one alone would wait for itself
        std::size_t j = 0;
        for (; j + 4 <= count; j += 4) {
            for (std::size_t part = 0; part < 4; ++part) {
                totals[part] += weights[j + part] * load_part(rows + (j + part) * stride + d, left);
            }
        }
        for (; j < count; ++j) totals[0] += weights[j] * load_part(rows + j * stride + d, left);
        store_part(mixed + d, (totals[0] + totals[1]) + (totals[2] + totals[3]), left);
    }
}

}  // namespace dws
