// The norm of each query and key head and its rotation, and the way back.
#include <cstring>

#include "model/cpu_backend.h"
#include "model/head_shape.h"
#include "model/row_norm.h"

namespace dws {
namespace {

// Rotates one head by the angles in place. direction: 1, or -1 for the way back.
void rotate(float* head, const float* cosines, const float* sines, std::size_t half,
            float direction) {
    float* low = head;
    float* high = head + half;
#pragma GCC ivdep  // the halves do not overlap
    for (std::size_t i = 0; i < half; ++i) {
        const float a = low[i];
        const float b = high[i];
        const float sine = sines[i] * direction;
        low[i] = a * cosines[i] - b * sine;
        high[i] = b * cosines[i] + a * sine;
    }
}

// The two norms' weights as fp32, the same for every head of a kind.
struct NormWeights {
    std::vector<float> query, key;

    NormWeights(const Bf16* query_words, const Bf16* key_words, std::size_t size)
        : query(size), key(size) {
        for (std::size_t i = 0; i < size; ++i) {
            query[i] = from_bf16(query_words[i]);
            key[i] = from_bf16(key_words[i]);
        }
    }
};

void round_to_bf16(float* values, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) values[i] = from_bf16(to_bf16(values[i]));
}

}  // namespace

void CpuBackend::norm_rope(const ModelConfig& config, const float* qkv, const Bf16* query_norm,
                           const Bf16* key_norm, const int* positions, const RopeTable& table,
                           float* heads, int rows) {
    const HeadShape shape(config);
    const NormWeights weights(query_norm, key_norm, shape.size);
    const std::size_t half = shape.size / 2;
    const std::size_t normed = shape.queries + shape.keys;
    const std::size_t total = static_cast<std::size_t>(rows);
    const std::size_t numbers = total * shape.width();
#pragma omp parallel for schedule(static) num_threads(threads_) if (is_shared(numbers))
    for (std::size_t row = 0; row < total; ++row) {
        const float* from = qkv + row * shape.width();
        float* to = heads + row * shape.width();
        const std::size_t angles = static_cast<std::size_t>(positions[row]) * half;
        for (std::size_t head = 0; head < normed; ++head) {
            const float* weight = head < shape.queries ? weights.query.data() : weights.key.data();
            float* target = to + head * shape.size;
            norm_row(from + head * shape.size, weight, target, shape.size, config.norm_epsilon);
            rotate(target, table.cosines.data() + angles, table.sines.data() + angles, half, 1);
        }
        std::memcpy(to + shape.value_at(0), from + shape.value_at(0),
                    shape.key_width() * sizeof(float));
        // Keys and values lie side by side.
        if (bf16_products_) round_to_bf16(to + shape.key_at(0), 2 * shape.key_width());
    }
}

void CpuBackend::norm_rope_backward(const ModelConfig& config, const float* qkv,
                                    const Bf16* query_norm, const Bf16* key_norm,
                                    const int* positions, const RopeTable& table, float* d_heads,
                                    float* d_query_norm, float* d_key_norm, int rows) {
    const HeadShape shape(config);
    const NormWeights weights(query_norm, key_norm, shape.size);
    const std::size_t half = shape.size / 2;
    const std::size_t total = static_cast<std::size_t>(rows);
    const std::size_t threads = static_cast<std::size_t>(threads_);
    const std::size_t numbers = total * shape.width();
    // Per thread d_query_norm, then d_key_norm; added in the threads' order (rms_norm_backward).
    std::vector<float> shares(threads * 2 * shape.size, 0.0f);
#pragma omp parallel for schedule(static, 1) num_threads(threads_) if (is_shared(numbers))
    for (std::size_t thread = 0; thread < threads; ++thread) {
        float* share = shares.data() + thread * 2 * shape.size;
        for (std::size_t row = total * thread / threads; row < total * (thread + 1) / threads;
             ++row) {
            const float* x = qkv + row * shape.width();
            float* d = d_heads + row * shape.width();
            const std::size_t angles = static_cast<std::size_t>(positions[row]) * half;
            for (std::size_t head = 0; head < shape.queries + shape.keys; ++head) {
                const bool is_query = head < shape.queries;
                float* d_head = d + head * shape.size;
                rotate(d_head, table.cosines.data() + angles, table.sines.data() + angles, half,
                       -1);
                norm_row_backward(x + head * shape.size,
                                  is_query ? weights.query.data() : weights.key.data(), d_head,
                                  d_head, share + (is_query ? 0 : shape.size), shape.size,
                                  config.norm_epsilon, Sum::kOverwrite);
            }
        }
    }
    for (std::size_t i = 0; i < shares.size(); ++i) {
        const std::size_t element = i % (2 * shape.size);
        float* target = element < shape.size ? d_query_norm : d_key_norm;
        target[element % shape.size] += shares[i];
    }
}

}  // namespace dws
