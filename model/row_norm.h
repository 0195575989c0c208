// RMS norm of one row, for the CPU code: whole rows of the residual, and single heads.
#pragma once

#include <cmath>

#include "model/backend.h"
#include "model/lanes.h"

namespace dws {

// 1 / sqrt(mean(x^2) + epsilon). x: (size,).
inline float inverse_rms(const float* x, std::size_t size, float epsilon) {
    Lanes squares{};
    for (std::size_t i = 0; i < size; i += kLanes) {
        const Lanes part = load_part(x + i, std::min(kLanes, size - i));
        squares += part * part;
    }
    return 1.0f / std::sqrt(sum(squares) / static_cast<float>(size) + epsilon);
}

// y = x * inverse * weight. All (size,).
inline void norm_row(const float* x, const float* weight, float* y, std::size_t size,
                     float epsilon) {
    const float inverse = inverse_rms(x, size, epsilon);
    for (std::size_t i = 0; i < size; i += kLanes) {
        const std::size_t count = std::min(kLanes, size - i);
        store_part(y + i, load_part(x + i, count) * inverse * load_part(weight + i, count), count);
    }
}

// With n = x * inverse and g = dy * weight: dx = inverse (g - n mean(g n)), d_weight += dy n.
// dx is overwritten or added to, as `how` says; it may be dy. All (size,).
inline void norm_row_backward(const float* x, const float* weight, const float* dy, float* dx,
                              float* d_weight, std::size_t size, float epsilon, Sum how) {
    const float inverse = inverse_rms(x, size, epsilon);
    Lanes products{};
    for (std::size_t i = 0; i < size; i += kLanes) {
        const std::size_t count = std::min(kLanes, size - i);
        const Lanes part = load_part(dy + i, count) * load_part(x + i, count) * inverse;
        store_part(d_weight + i, load_part(d_weight + i, count) + part, count);
        products += part * load_part(weight + i, count);
    }
    const float mean = sum(products) / static_cast<float>(size);
    for (std::size_t i = 0; i < size; i += kLanes) {
        const std::size_t count = std::min(kLanes, size - i);
        const Lanes g = load_part(dy + i, count) * load_part(weight + i, count);
        const Lanes d = inverse * (g - load_part(x + i, count) * inverse * mean);
        const Lanes before = how == Sum::kAdd ? load_part(dx + i, count) : Lanes{};
        store_part(dx + i, before + d, count);
    }
}

}  // namespace dws
