// Attention from the end. Probabilities are computed once more from the kept logs of divisors.
#include "model/attention_row.h"
#include "model/cpu_backend.h"
#include "model/head_copy.h"
#include "model/head_shape.h"

namespace dws {
namespace {

// Of one sequence's first token; see Backend::attention_backward().
struct SequencePointers {
    const float* heads;
    const float* mixed;
    const float* log_totals;
    const float* d_mixed;
    float* d_heads;
    std::size_t tokens;
};

// One key head of one sequence with its group of query heads. Buffers are reused.
class GroupAttentionBackward {
public:
    explicit GroupAttentionBackward(const HeadShape& shape)
        : shape_(shape),
          scale_(1.0f / std::sqrt(static_cast<float>(shape.size))),
          padded_(round_up_to_lanes(shape.size)),
          query_(padded_),
          d_row_(padded_) {}

    void run(const SequencePointers& sequence, std::size_t key_head) {
        copy_heads(sequence, key_head);
        const std::size_t first_head = key_head * shape_.group();
        for (std::size_t head = first_head; head < first_head + shape_.group(); ++head) {
            for (std::size_t t = 0; t < sequence.tokens; ++t) query_row(sequence, head, t);
        }
        for (std::size_t t = 0; t < sequence.tokens; ++t) {
            float* to = sequence.d_heads + t * shape_.width();
            std::copy_n(d_keys_.data() + t * padded_, shape_.size, to + shape_.key_at(key_head));
            std::copy_n(d_values_.data() + t * padded_, shape_.size,
                        to + shape_.value_at(key_head));
        }
    }

private:
    void copy_heads(const SequencePointers& sequence, std::size_t key_head) {
        stride_ = round_up_to_lanes(sequence.tokens);
        const HeadColumns keys{sequence.heads + shape_.key_at(key_head), shape_.width(),
                               sequence.tokens, shape_.size};
        const HeadColumns values{sequence.heads + shape_.value_at(key_head), shape_.width(),
                                 sequence.tokens, shape_.size};
        copy_by_element(keys, stride_, keys_by_element_);
        copy_by_element(values, stride_, values_by_element_);
        copy_by_token(keys, padded_, keys_by_token_);
        d_keys_.assign(sequence.tokens * padded_, 0.0f);
        d_values_.assign(sequence.tokens * padded_, 0.0f);
        weights_.resize(stride_);
        d_scores_.resize(stride_);
    }

    // With p the probabilities, dp_j = d_mixed . v_j and m = sum_j p_j dp_j = d_mixed . mixed:
    // the scores' gradient is p_j (dp_j - m).
    void query_row(const SequencePointers& sequence, std::size_t head, std::size_t t) {
        const std::size_t count = t + 1;
        const std::size_t at = t * shape_.query_width() + head * shape_.size;
        const std::size_t query_at = t * shape_.width() + shape_.query_at(head);
        std::copy_n(sequence.heads + query_at, shape_.size, query_.data());
        std::copy_n(sequence.d_mixed + at, shape_.size, d_row_.data());
        score_row(query_.data(), keys_by_element_.data(), shape_.size, stride_, count, scale_,
                  weights_.data());
        score_row(d_row_.data(), values_by_element_.data(), shape_.size, stride_, count, 1.0f,
                  d_scores_.data());
        const float mean = dot(d_row_.data(), sequence.mixed + at);
        const float log_total = sequence.log_totals[t * shape_.queries + head];
        for (std::size_t j = 0; j < count; j += kLanes) {
            const Lanes power = exp(load(weights_.data() + j) - log_total);
            const Lanes weight = keep_first(power, std::min(kLanes, count - j), 0);
            const Lanes d_score = weight * (load(d_scores_.data() + j) - mean) * scale_;
            store(weights_.data() + j, weight);
            store(d_scores_.data() + j, d_score);
        }
        weigh_rows(d_scores_.data(), keys_by_token_.data(), count, padded_, shape_.size,
                   sequence.d_heads + query_at);
        add_rows(count);
    }

    float dot(const float* padded, const float* row) const {
        Lanes totals{};
        for (std::size_t d = 0; d < shape_.size; d += kLanes) {
            totals += load(padded + d) * load_part(row + d, std::min(kLanes, shape_.size - d));
        }
        return sum(totals);
    }

    // d_keys[j] += d_scores[j] * query and d_values[j] += weights[j] * d_row.
    void add_rows(std::size_t count) {
        for (std::size_t d = 0; d < padded_; d += kLanes) {
            const Lanes query = load(query_.data() + d);
            const Lanes d_row = load(d_row_.data() + d);
            for (std::size_t j = 0; j < count; ++j) {
                float* d_key = d_keys_.data() + j * padded_ + d;
                float* d_value = d_values_.data() + j * padded_ + d;
                store(d_key, load(d_key) + d_scores_[j] * query);
                store(d_value, load(d_value) + weights_[j] * d_row);
            }
        }
    }

    HeadShape shape_;
    float scale_;
    std::size_t padded_;           // head, rounded up to whole vectors
    std::size_t stride_ = 0;       // tokens, rounded up
    std::vector<float> query_;     // (padded,) of one query
    std::vector<float> d_row_;     // (padded,) d_mixed of one query
    std::vector<float> weights_;   // (stride,) probabilities of one query
    std::vector<float> d_scores_;  // (stride,)
    std::vector<float> keys_by_element_, values_by_element_;  // (head, stride)
    std::vector<float> keys_by_token_, d_keys_, d_values_;    // (tokens, padded)
};

}  // namespace

void CpuBackend::attention_backward(const ModelConfig& config, const float* heads,
                                    std::span<const int> starts, const float* mixed,
                                    const float* log_totals, const float* d_mixed, float* d_heads) {
    const HeadShape shape(config);
    const std::size_t pieces = (starts.size() - 1) * shape.keys;
#pragma omp parallel num_threads(threads_) if (threads_ > 1)
    {
        GroupAttentionBackward group(shape);
#pragma omp for schedule(dynamic)
        for (std::size_t piece = 0; piece < pieces; ++piece) {
            const std::size_t sequence = piece / shape.keys;
            const std::size_t first = static_cast<std::size_t>(starts[sequence]);
            const std::size_t tokens = static_cast<std::size_t>(starts[sequence + 1]) - first;
            group.run({heads + first * shape.width(), mixed + first * shape.query_width(),
                       log_totals + first * shape.queries, d_mixed + first * shape.query_width(),
                       d_heads + first * shape.width(), tokens},
                      piece % shape.keys);
        }
    }
}

}  // namespace dws
