// Operations that meet each number once: bound by memory, so each is one loop over the rows.
#include <cmath>
#include <cstring>

#include "model/cpu_backend.h"
#include "model/lanes.h"
#include "model/row_norm.h"

namespace dws {
namespace {

constexpr std::size_t kPieceNumbers = 16 * 1024;  // of a copy: 64 KiB

std::vector<float> widened(const Bf16* words, std::size_t count) {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = from_bf16(words[i]);
    return values;
}

}  // namespace

void CpuBackend::rms_norm(const float* x, const Bf16* weight, float* y, int rows, int size,
                          float epsilon) {
    const std::size_t width = static_cast<std::size_t>(size);
    const std::size_t total = static_cast<std::size_t>(rows);
    const std::vector<float> scale = widened(weight, width);
#pragma omp parallel for schedule(static) num_threads(threads_) if (is_shared(total * width))
    for (std::size_t row = 0; row < total; ++row) {
        norm_row(x + row * width, scale.data(), y + row * width, width, epsilon);
    }
}

// Every thread sums its rows' share of d_weight by itself; the shares are added in the threads'
// order, so the result does not depend on who finishes first.
void CpuBackend::rms_norm_backward(const float* x, const Bf16* weight, const float* dy, float* dx,
                                   float* d_weight, int rows, int size, float epsilon) {
    const std::size_t width = static_cast<std::size_t>(size);
    const std::size_t total = static_cast<std::size_t>(rows);
    const std::size_t threads = static_cast<std::size_t>(threads_);
    const std::vector<float> scale = widened(weight, width);
    std::vector<float> shares(threads * width, 0.0f);
#pragma omp parallel for schedule(static, 1) num_threads(threads_) if (is_shared(total * width))
    for (std::size_t thread = 0; thread < threads; ++thread) {
        float* share = shares.data() + thread * width;
        for (std::size_t row = total * thread / threads; row < total * (thread + 1) / threads;
             ++row) {
            norm_row_backward(x + row * width, scale.data(), dy + row * width, dx + row * width,
                              share, width, epsilon, Sum::kAdd);
        }
    }
    for (std::size_t i = 0; i < shares.size(); ++i) d_weight[i % width] += shares[i];
}

void CpuBackend::swiglu(const float* gate_up, float* product, int rows, int size) {
    const std::size_t width = static_cast<std::size_t>(size);
    const std::size_t total = static_cast<std::size_t>(rows);
#pragma omp parallel for schedule(static) num_threads(threads_) if (is_shared(total * width))
    for (std::size_t row = 0; row < total; ++row) {
        const float* gate = gate_up + row * 2 * width;
        const float* up = gate + width;
        float* to = product + row * width;
        for (std::size_t i = 0; i < width; i += kLanes) {
            const std::size_t count = std::min(kLanes, width - i);
            const Lanes g = load_part(gate + i, count);
            store_part(to + i, g * sigmoid(g) * load_part(up + i, count), count);
        }
    }
}

// silu(g) = g s, silu'(g) = s (1 + g (1 - s)), s = sigmoid(g).
void CpuBackend::swiglu_backward(const float* gate_up, const float* d_product, float* product,
                                 float* d_gate_up, int rows, int size) {
    const std::size_t width = static_cast<std::size_t>(size);
    const std::size_t total = static_cast<std::size_t>(rows);
#pragma omp parallel for schedule(static) num_threads(threads_) if (is_shared(total * width))
    for (std::size_t row = 0; row < total; ++row) {
        const float* gate = gate_up + row * 2 * width;
        float* d_gate = d_gate_up + row * 2 * width;
        for (std::size_t i = 0; i < width; i += kLanes) {
            const std::size_t count = std::min(kLanes, width - i);
            const Lanes g = load_part(gate + i, count);
            const Lanes up = load_part(gate + width + i, count);
            const Lanes d = load_part(d_product + row * width + i, count);
            const Lanes s = sigmoid(g);
            store_part(product + row * width + i, g * s * up, count);
            store_part(d_gate + i, d * up * s * (1.0f + g * (1.0f - s)), count);
            store_part(d_gate + width + i, d * g * s, count);
        }
    }
}

void CpuBackend::embed(const Bf16* table, const std::int32_t* tokens, float* x, int rows,
                       int size) {
    const std::size_t width = static_cast<std::size_t>(size);
    const std::size_t total = static_cast<std::size_t>(rows);
#pragma omp parallel for schedule(static) num_threads(threads_) if (is_shared(total * width))
    for (std::size_t row = 0; row < total; ++row) {
        const Bf16* from = table + static_cast<std::size_t>(tokens[row]) * width;
        for (std::size_t i = 0; i < width; ++i) x[row * width + i] = from_bf16(from[i]);
    }
}

void CpuBackend::embed_backward(const std::int32_t* tokens, const float* dx, float* d_table,
                                int rows, int size) {
    scatter_rows(dx, tokens, d_table, rows, size);
}

void CpuBackend::copy(const float* from, float* to, std::size_t count) {
    const std::size_t pieces = (count + kPieceNumbers - 1) / kPieceNumbers;
#pragma omp parallel for schedule(static) num_threads(threads_) if (is_shared(count))
    for (std::size_t piece = 0; piece < pieces; ++piece) {
        const std::size_t at = piece * kPieceNumbers;
        std::memcpy(to + at, from + at, std::min(kPieceNumbers, count - at) * sizeof(float));
    }
}

void CpuBackend::gather_rows(const float* from, const std::int32_t* indices, float* to, int rows,
                             int size) {
    const std::size_t width = static_cast<std::size_t>(size);
    const std::size_t total = static_cast<std::size_t>(rows);
#pragma omp parallel for schedule(static) num_threads(threads_) if (is_shared(total * width))
    for (std::size_t row = 0; row < total; ++row) {
        const float* source = from + static_cast<std::size_t>(indices[row]) * width;
        std::memcpy(to + row * width, source, width * sizeof(float));
    }
}

// Several rows may meet in one of the target, as the tokens of an embedding do: threads share the
// columns, and every number is added in the rows' order.
void CpuBackend::scatter_rows(const float* from, const std::int32_t* indices, float* to, int rows,
                              int size) {
    const std::size_t width = static_cast<std::size_t>(size);
    const std::size_t total = static_cast<std::size_t>(rows);
    const std::size_t threads =
        is_shared(total * width) ? static_cast<std::size_t>(threads_) : std::size_t{1};
#pragma omp parallel for schedule(static, 1) num_threads(threads_) if (threads > 1)
    for (std::size_t thread = 0; thread < threads; ++thread) {
        const std::size_t begin = width * thread / threads;
        const std::size_t end = width * (thread + 1) / threads;
        for (std::size_t row = 0; row < total; ++row) {
            float* target = to + static_cast<std::size_t>(indices[row]) * width;
            const float* source = from + row * width;
            for (std::size_t i = begin; i < end; ++i) target[i] += source[i];
        }
    }
}

void CpuBackend::gather_words(const Bf16* from, const std::int32_t* indices, Bf16* to, int rows,
                              int size) {
    const std::size_t width = static_cast<std::size_t>(size);
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
        const Bf16* source = from + static_cast<std::size_t>(indices[row]) * width;
        std::memcpy(to + row * width, source, width * sizeof(Bf16));
    }
}

}  // namespace dws
