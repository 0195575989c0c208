// Attention of new tokens against a cache, for generation.
#include "model/attention_row.h"
#include "model/cpu_backend.h"
#include "model/head_shape.h"

namespace dws {
namespace {

// heads: (rows, W) of the sequence's new tokens.
void append(const HeadShape& shape, const float* heads, const CachedSequence& sequence,
            std::size_t key_stride) {
    for (std::size_t row = 0; row < static_cast<std::size_t>(sequence.rows); ++row) {
        const std::size_t token = static_cast<std::size_t>(sequence.past) + row;
        const float* keys = heads + row * shape.width() + shape.key_at(0);
        const float* values = heads + row * shape.width() + shape.value_at(0);
        for (std::size_t d = 0; d < shape.key_width(); ++d) {
            sequence.keys[d * key_stride + token] = keys[d];
        }
        std::copy_n(values, shape.key_width(), sequence.values + token * shape.key_width());
    }
}

// scores: (key_stride,) room for one query.
void attend(const HeadShape& shape, const float* heads, const CachedSequence& sequence,
            std::size_t key_stride, float* mixed, std::vector<float>& scores) {
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape.size));
    for (std::size_t row = 0; row < static_cast<std::size_t>(sequence.rows); ++row) {
        const std::size_t count = static_cast<std::size_t>(sequence.past) + row + 1;
        for (std::size_t head = 0; head < shape.queries; ++head) {
            const std::size_t key_at = head / shape.group() * shape.size;
            score_row(heads + row * shape.width() + shape.query_at(head),
                      sequence.keys + key_at * key_stride, shape.size, key_stride, count, scale,
                      scores.data());
            softmax_row(scores.data(), count);
            weigh_rows(scores.data(), sequence.values + key_at, count, shape.key_width(),
                       shape.size, mixed + row * shape.query_width() + head * shape.size);
        }
    }
}

}  // namespace

void CpuBackend::attention_cached(const ModelConfig& config, const float* heads,
                                  std::span<const CachedSequence> sequences, int key_stride,
                                  float* mixed) {
    const HeadShape shape(config);
    const std::size_t stride = static_cast<std::size_t>(key_stride);
#pragma omp parallel num_threads(threads_) if (threads_ > 1)
    {
        std::vector<float> scores(stride);
#pragma omp for schedule(dynamic, 4)
        for (std::size_t i = 0; i < sequences.size(); ++i) {
            const CachedSequence& sequence = sequences[i];
            const std::size_t first = static_cast<std::size_t>(sequence.first_row);
            append(shape, heads + first * shape.width(), sequence, stride);
            attend(shape, heads + first * shape.width(), sequence, stride,
                   mixed + first * shape.query_width(), scores);
        }
    }
}

}  // namespace dws
