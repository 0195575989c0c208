// Attention from the end: probabilities are computed once more from the kept logs of divisors,
// block by block (FlashAttention-2, Dao 2023, arXiv:2307.08691, algorithm 2).
//
// A piece of work is one key head of one sequence: all that adds to a gradient is added by one
// thread in one order, so any number of threads gives the same bits, without atomics. Keys stay
// in cache by stripes of four blocks while the queries go by.
#include <cmath>

#include "model/aligned_floats.h"
#include "model/cpu_backend.h"
#include "model/head_copy.h"
#include "model/head_shape.h"
#include "model/query_block.h"

namespace dws {
namespace {

// With heads of 128, a block of queries takes 112 KiB and a stripe of keys 640 KiB.
constexpr std::size_t kBlockRows = 64;
constexpr std::size_t kStripeBlocks = 4;
constexpr std::size_t kStripeKeys = kStripeBlocks * kBlockKeys;

// Of one sequence's first token; see Backend::attention_backward().
struct SequencePointers {
    const float* heads;
    const float* mixed;
    const float* log_totals;
    const float* d_mixed;
    float* d_heads;
    std::size_t tokens;
};

struct KeyBlock {
    KeyBlock(std::size_t size, std::size_t padded)
        : keys_by_element(size * kBlockKeys),
          values_by_element(size * kBlockKeys),
          keys_by_token(kBlockKeys * padded),
          d_keys(kBlockKeys * padded),
          d_values(kBlockKeys * padded) {}

    std::size_t first = 0;  // token of the sequence
    std::size_t keys = 0;
    AlignedFloats keys_by_element, values_by_element;  // (head, kBlockKeys)
    AlignedFloats keys_by_token, d_keys, d_values;     // (kBlockKeys, padded)
};

// Works on one key head of one sequence at a time. Buffers are reused.
class BlockAttentionBackward {
public:
    explicit BlockAttentionBackward(const HeadShape& shape)
        : shape_(shape),
          scale_(1.0f / std::sqrt(static_cast<float>(shape.size))),
          padded_(round_up_to_lanes(shape.size)),
          block_tokens_(block_tokens(kBlockRows, shape.group())) {
        const std::size_t rows = round_up_to_tiles(block_tokens_ * shape.group());
        for (AlignedFloats* floats : {&queries_, &d_mixed_, &d_queries_}) {
            floats->reach(rows * padded_);
        }
        for (AlignedFloats* floats : {&weights_, &d_scores_}) floats->reach(rows * kBlockKeys);
        means_.resize(rows);
        log_totals_.resize(rows);
        for (std::size_t i = 0; i < kStripeBlocks; ++i) stripe_.emplace_back(shape.size, padded_);
    }

    void run(const SequencePointers& sequence, std::size_t key_head) {
        for (std::size_t first = 0; first < sequence.tokens; first += kStripeKeys) {
            load_stripe(sequence, key_head, first);
            for (std::size_t token = first; token < sequence.tokens; token += block_tokens_) {
                const QueryBlock block{token, std::min(block_tokens_, sequence.tokens - token),
                                       shape_.group()};
                load_queries(sequence, key_head, block);
                for (KeyBlock& keys : stripe_) {
                    if (keys.keys > 0 && keys.first < token + block.tokens) meet(block, keys);
                }
                write_queries(sequence, key_head, block, first == 0);
            }
            write_stripe(sequence, key_head);
        }
    }

private:
    void load_stripe(const SequencePointers& sequence, std::size_t key_head, std::size_t first) {
        for (KeyBlock& block : stripe_) {
            block.first = first;
            block.keys =
                first < sequence.tokens ? std::min(kBlockKeys, sequence.tokens - first) : 0;
            first += kBlockKeys;
            if (block.keys == 0) continue;
            const float* row = sequence.heads + block.first * shape_.width();
            const HeadColumns keys{row + shape_.key_at(key_head), shape_.width(), block.keys,
                                   shape_.size};
            const HeadColumns values{row + shape_.value_at(key_head), shape_.width(), block.keys,
                                     shape_.size};
            copy_by_element(keys, kBlockKeys, block.keys_by_element.data());
            copy_by_element(values, kBlockKeys, block.values_by_element.data());
            copy_by_token(keys, 1, padded_, block.keys_by_token.data());
            std::fill_n(block.d_keys.data(), kBlockKeys * padded_, 0.0f);
            std::fill_n(block.d_values.data(), kBlockKeys * padded_, 0.0f);
        }
    }

    void load_queries(const SequencePointers& sequence, std::size_t key_head,
                      const QueryBlock& block) {
        const std::size_t head = key_head * shape_.group();
        const std::size_t at = block.first * shape_.query_width() + head * shape_.size;
        copy_by_token({sequence.heads + block.first * shape_.width() + shape_.query_at(head),
                       shape_.width(), block.tokens, shape_.size},
                      shape_.group(), padded_, queries_.data());
        copy_by_token({sequence.d_mixed + at, shape_.query_width(), block.tokens, shape_.size},
                      shape_.group(), padded_, d_mixed_.data());
        std::fill_n(d_queries_.data(), round_up_to_tiles(block.rows()) * padded_, 0.0f);
        for (std::size_t row = 0; row < block.rows(); ++row) {
            const std::size_t token = row / shape_.group(), member = row % shape_.group();
            means_[row] =
                dot(d_mixed_.data() + row * padded_,
                    sequence.mixed + at + token * shape_.query_width() + member * shape_.size);
            log_totals_[row] =
                sequence.log_totals[(block.first + token) * shape_.queries + head + member];
        }
    }

    float dot(const float* padded, const float* row) const {
        Lanes totals{};
        for (std::size_t d = 0; d < shape_.size; d += kLanes) {
            totals += load(padded + d) * load_part(row + d, std::min(kLanes, shape_.size - d));
        }
        return sum(totals);
    }

    void meet(const QueryBlock& block, KeyBlock& keys) {
        for (std::size_t row = 0; row < block.rows(); row += kTileRows) {
            score_tile(block, keys, row);
        }
        for (std::size_t row = 0; row < block.rows(); row += kTileRows) {
            multiply_tile<Reading::kRows>({d_scores_.data() + row * kBlockKeys, kBlockKeys},
                                          {keys.keys_by_token.data(), padded_},
                                          block.visible(row + kTileRows - 1, keys.first),
                                          padded_ / kLanes, d_queries_.data() + row * padded_,
                                          padded_, Sum::kAdd);
        }
        add_columns(block, keys, d_scores_, queries_, keys.d_keys);
        add_columns(block, keys, weights_, d_mixed_, keys.d_values);
    }

    // With p the probabilities, dp_j = d_mixed . v_j and m = sum_j p_j dp_j = d_mixed . mixed:
    // the scores' gradient is p_j (dp_j - m).
    void score_tile(const QueryBlock& block, const KeyBlock& keys, std::size_t row) {
        const std::size_t vectors =
            round_up_to_lanes(block.visible(row + kTileRows - 1, keys.first)) / kLanes;
        float* weights = weights_.data() + row * kBlockKeys;
        float* d_scores = d_scores_.data() + row * kBlockKeys;
        multiply_tile<Reading::kRows>({queries_.data() + row * padded_, padded_},
                                      {keys.keys_by_element.data(), kBlockKeys}, shape_.size,
                                      vectors, weights, kBlockKeys, Sum::kOverwrite);
        multiply_tile<Reading::kRows>({d_mixed_.data() + row * padded_, padded_},
                                      {keys.values_by_element.data(), kBlockKeys}, shape_.size,
                                      vectors, d_scores, kBlockKeys, Sum::kOverwrite);
        for (std::size_t r = row; r < row + kTileRows; ++r) {
            const std::size_t visible = block.visible(r, keys.first);
            for (std::size_t j = 0; j < vectors * kLanes; j += kLanes) {
                Lanes weight = exp(load(weights + j) * scale_ - log_totals_[r]);
                if (visible < j + kLanes) {
                    weight = keep_first(weight, visible - std::min(visible, j), 0);
                }
                store(weights + j, weight);
                store(d_scores + j, weight * (load(d_scores + j) - means_[r]) * scale_);
            }
            weights += kBlockKeys;
            d_scores += kBlockKeys;
        }
    }

    // to[j] += sum over the rows that meet key j of columns[row][j] * rows[row].
    void add_columns(const QueryBlock& block, const KeyBlock& keys, const AlignedFloats& columns,
                     const AlignedFloats& rows, AlignedFloats& to) const {
        for (std::size_t j = 0; j < keys.keys; j += kTileRows) {
            const std::size_t first = block.first_row_of(keys.first + j);
            if (first >= block.rows()) return;
            multiply_tile<Reading::kColumns>({columns.data() + first * kBlockKeys + j, kBlockKeys},
                                             {rows.data() + first * padded_, padded_},
                                             block.rows() - first, padded_ / kLanes,
                                             to.data() + j * padded_, padded_, Sum::kAdd);
        }
    }

    void write_queries(const SequencePointers& sequence, std::size_t key_head,
                       const QueryBlock& block, bool is_first) const {
        for (std::size_t row = 0; row < block.rows(); ++row) {
            const std::size_t head = key_head * shape_.group() + row % shape_.group();
            const float* from = d_queries_.data() + row * padded_;
            float* to =
                sequence.d_heads + block.token_of(row) * shape_.width() + shape_.query_at(head);
            for (std::size_t d = 0; d < shape_.size; d += kLanes) {
                const std::size_t left = std::min(kLanes, shape_.size - d);
                const Lanes before = is_first ? Lanes{} : load_part(to + d, left);
                store_part(to + d, before + load(from + d), left);
            }
        }
    }

    void write_stripe(const SequencePointers& sequence, std::size_t key_head) const {
        for (const KeyBlock& block : stripe_) {
            for (std::size_t j = 0; j < block.keys; ++j) {
                float* to = sequence.d_heads + (block.first + j) * shape_.width();
                std::copy_n(block.d_keys.data() + j * padded_, shape_.size,
                            to + shape_.key_at(key_head));
                std::copy_n(block.d_values.data() + j * padded_, shape_.size,
                            to + shape_.value_at(key_head));
            }
        }
    }

    HeadShape shape_;
    float scale_;
    std::size_t padded_;                           // head, rounded up to whole vectors
    std::size_t block_tokens_;                     // of a block of queries
    AlignedFloats queries_, d_mixed_, d_queries_;  // (rows, padded)
    AlignedFloats weights_, d_scores_;             // (rows, kBlockKeys)
    std::vector<float> means_, log_totals_;        // (rows,)
    std::vector<KeyBlock> stripe_;
};

}  // namespace

void CpuBackend::attention_backward(const ModelConfig& config, const float* heads,
                                    std::span<const int> starts, const float* mixed,
                                    const float* log_totals, const float* d_mixed, float* d_heads) {
    const HeadShape shape(config);
    const std::size_t pieces = (starts.size() - 1) * shape.keys;
#pragma omp parallel num_threads(threads_) if (threads_ > 1)
    {
        BlockAttentionBackward attention(shape);
#pragma omp for schedule(dynamic)
        for (std::size_t piece = 0; piece < pieces; ++piece) {
            const std::size_t sequence = piece / shape.keys;
            const std::size_t first = static_cast<std::size_t>(starts[sequence]);
            const std::size_t tokens = static_cast<std::size_t>(starts[sequence + 1]) - first;
            attention.run(
                {heads + first * shape.width(), mixed + first * shape.query_width(),
                 log_totals + first * shape.queries, d_mixed + first * shape.query_width(),
                 d_heads + first * shape.width(), tokens},
                piece % shape.keys);
        }
    }
}

}  // namespace dws
