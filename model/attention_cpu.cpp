// Causal attention over whole sequences, one query at a time against copies of its key head.
#include "model/attention_row.h"
#include "model/cpu_backend.h"
#include "model/head_copy.h"
#include "model/head_shape.h"

namespace dws {
namespace {

// One key head of one sequence with its group of query heads. Buffers are reused.
class GroupAttention {
public:
    explicit GroupAttention(const HeadShape& shape)
        : shape_(shape), scale_(1.0f / std::sqrt(static_cast<float>(shape.size))) {}

    // heads, mixed, log_totals: of the sequence's first token.
    void run(const float* heads, std::size_t tokens, std::size_t key_head, float* mixed,
             float* log_totals) {
        const std::size_t key_stride = round_up_to_lanes(tokens);
        const std::size_t value_stride = round_up_to_lanes(shape_.size);
        copy_by_element({heads + shape_.key_at(key_head), shape_.width(), tokens, shape_.size},
                        key_stride, keys_);
        copy_by_token({heads + shape_.value_at(key_head), shape_.width(), tokens, shape_.size},
                      value_stride, values_);
        weights_.resize(key_stride);
        const std::size_t first_head = key_head * shape_.group();
        for (std::size_t head = first_head; head < first_head + shape_.group(); ++head) {
            for (std::size_t t = 0; t < tokens; ++t) {
                const float* query = heads + t * shape_.width() + shape_.query_at(head);
                score_row(query, keys_.data(), shape_.size, key_stride, t + 1, scale_,
                          weights_.data());
                log_totals[t * shape_.queries + head] = softmax_row(weights_.data(), t + 1);
                weigh_rows(weights_.data(), values_.data(), t + 1, value_stride, shape_.size,
                           mixed + t * shape_.query_width() + head * shape_.size);
            }
        }
    }

private:
    HeadShape shape_;
    float scale_;
    std::vector<float> keys_;     // (head, tokens rounded up)
    std::vector<float> values_;   // (tokens, head rounded up)
    std::vector<float> weights_;  // (tokens rounded up,) of one query
};

}  // namespace

void CpuBackend::attention(const ModelConfig& config, const float* heads,
                           std::span<const int> starts, float* mixed, float* log_totals) {
    const HeadShape shape(config);
    const std::size_t pieces = (starts.size() - 1) * shape.keys;
#pragma omp parallel num_threads(threads_) if (threads_ > 1)
    {
        GroupAttention group(shape);
#pragma omp for schedule(dynamic)
        for (std::size_t piece = 0; piece < pieces; ++piece) {
            const std::size_t sequence = piece / shape.keys;
            const std::size_t first = static_cast<std::size_t>(starts[sequence]);
            const std::size_t tokens = static_cast<std::size_t>(starts[sequence + 1]) - first;
            group.run(heads + first * shape.width(), tokens, piece % shape.keys,
                      mixed + first * shape.query_width(), log_totals + first * shape.queries);
        }
    }
}

}  // namespace dws
