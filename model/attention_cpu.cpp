// Causal attention over whole sequences: a block of queries meets one block of keys after the
// other, with a running maximum and sum of each query's softmax (FlashAttention, Dao et al. 2022,
// arXiv:2205.14135, algorithm 1). Of T x T scores, 256 x 64 exist at a time.
//
// A block's work does not depend on who does it: any number of threads gives the same bits.
#include <cmath>
#include <limits>

#include "model/aligned_floats.h"
#include "model/cpu_backend.h"
#include "model/head_copy.h"
#include "model/head_shape.h"
#include "model/query_block.h"

namespace dws {
namespace {

// Queries of a block. More: keys are copied less often (they cost 4 % at 256); fewer: one sequence
// is more pieces for threads to share.
constexpr std::size_t kBlockRows = 256;

// One block of queries of one sequence.
struct Piece {
    std::size_t first_token;  // of the sequence, in the batch
    std::size_t key_head;
    QueryBlock block;
};

// The last blocks meet most keys and go first, so that threads end together.
std::vector<Piece> cut(const HeadShape& shape, std::span<const int> starts) {
    const std::size_t step = block_tokens(kBlockRows, shape.group());
    std::vector<Piece> pieces;
    for (std::size_t sequence = 0; sequence + 1 < starts.size(); ++sequence) {
        const std::size_t first = static_cast<std::size_t>(starts[sequence]);
        const std::size_t tokens = static_cast<std::size_t>(starts[sequence + 1]) - first;
        for (std::size_t block = (tokens + step - 1) / step; block-- > 0;) {
            const std::size_t from = block * step;
            const QueryBlock queries{from, std::min(step, tokens - from), shape.group()};
            for (std::size_t head = 0; head < shape.keys; ++head) {
                pieces.push_back({first, head, queries});
            }
        }
    }
    return pieces;
}

// Works on one piece at a time. Buffers are reused.
class BlockAttention {
public:
    explicit BlockAttention(const HeadShape& shape)
        : shape_(shape),
          scale_(1.0f / std::sqrt(static_cast<float>(shape.size))),
          padded_(round_up_to_lanes(shape.size)),
          rows_(round_up_to_tiles(block_tokens(kBlockRows, shape.group()) * shape.group())),
          queries_(rows_ * padded_),
          mixed_(rows_ * padded_),
          scores_(rows_ * kBlockKeys),
          keys_(shape.size * kBlockKeys),
          values_(kBlockKeys * padded_),
          tops_(rows_),
          totals_(rows_) {}

    // heads, mixed, log_totals: of the sequence's first token.
    void run(const Piece& piece, const float* heads, float* mixed, float* log_totals) {
        const QueryBlock& block = piece.block;
        const std::size_t query_head = piece.key_head * shape_.group();
        copy_by_token({heads + block.first * shape_.width() + shape_.query_at(query_head),
                       shape_.width(), block.tokens, shape_.size},
                      shape_.group(), padded_, queries_.data());
        std::fill_n(mixed_.data(), round_up_to_tiles(block.rows()) * padded_, 0.0f);
        std::ranges::fill(tops_, -std::numeric_limits<float>::infinity());
        std::ranges::fill(totals_, 0.0f);
        const std::size_t end = block.first + block.tokens;
        for (std::size_t key = 0; key < end; key += kBlockKeys) {
            const std::size_t keys = std::min(kBlockKeys, end - key);
            const float* first = heads + key * shape_.width();
            copy_by_element(
                {first + shape_.key_at(piece.key_head), shape_.width(), keys, shape_.size},
                kBlockKeys, keys_.data());
            copy_by_token(
                {first + shape_.value_at(piece.key_head), shape_.width(), keys, shape_.size}, 1,
                padded_, values_.data());
            meet(block, key);
        }
        write(block, query_head, mixed, log_totals);
    }

private:
    // Scores of the whole block first, then its values: either half of the keys' block is read
    // from the nearest cache by all rows.
    void meet(const QueryBlock& block, std::size_t first_key) {
        const std::size_t first_row = block.first_row_of(first_key);
        for (std::size_t row = first_row; row < block.rows(); row += kTileRows) {
            const std::size_t keys = block.visible(row + kTileRows - 1, first_key);
            const std::size_t vectors = round_up_to_lanes(keys) / kLanes;
            multiply_tile<Reading::kRows>(
                {queries_.data() + row * padded_, padded_}, {keys_.data(), kBlockKeys}, shape_.size,
                vectors, scores_.data() + row * kBlockKeys, kBlockKeys, Sum::kOverwrite);
            for (std::size_t r = row; r < row + kTileRows; ++r) {
                soften(r, block.visible(r, first_key), vectors);
            }
        }
        for (std::size_t row = first_row; row < block.rows(); row += kTileRows) {
            multiply_tile<Reading::kRows>(
                {scores_.data() + row * kBlockKeys, kBlockKeys}, {values_.data(), padded_},
                block.visible(row + kTileRows - 1, first_key), padded_ / kLanes,
                mixed_.data() + row * padded_, padded_, Sum::kAdd);
        }
    }

    // Turns a row's scores into e^(score - top), zeros where the mask is, and brings what the row
    // has so far to the new top. keys: the visible ones, at least one.
    void soften(std::size_t row, std::size_t keys, std::size_t vectors) {
        constexpr float kLowest = -std::numeric_limits<float>::infinity();
        float* scores = scores_.data() + row * kBlockKeys;
        Lanes largest = broadcast(kLowest);
        for (std::size_t v = 0; v < vectors; ++v) {
            Lanes part = load(scores + v * kLanes);
            if (keys < (v + 1) * kLanes) {
                part = keep_first(part, keys - std::min(keys, v * kLanes), kLowest);
                store(scores + v * kLanes, part);
            }
            largest = maximum(largest, part);
        }
        const float before = tops_[row];
        const float top = std::max(before, maximum_of(largest) * scale_);
        Lanes totals{};
        for (std::size_t v = 0; v < vectors; ++v) {
            const Lanes power = exp(load(scores + v * kLanes) * scale_ - top);
            totals += power;
            store(scores + v * kLanes, power);
        }
        const float shrunk = std::exp(before - top);  // 0 at the row's first block
        totals_[row] = totals_[row] * shrunk + sum(totals);
        tops_[row] = top;
        if (shrunk == 1.0f) return;
        float* mixed = mixed_.data() + row * padded_;
        for (std::size_t d = 0; d < padded_; d += kLanes)
            store(mixed + d, load(mixed + d) * shrunk);
    }

    void write(const QueryBlock& block, std::size_t query_head, float* mixed,
               float* log_totals) const {
        for (std::size_t row = 0; row < block.rows(); ++row) {
            const std::size_t token = block.token_of(row);
            const std::size_t head = query_head + row % shape_.group();
            const float* from = mixed_.data() + row * padded_;
            float* to = mixed + token * shape_.query_width() + head * shape_.size;
            const float inverse = 1.0f / totals_[row];
            for (std::size_t d = 0; d < shape_.size; d += kLanes) {
                store_part(to + d, load(from + d) * inverse, std::min(kLanes, shape_.size - d));
            }
            log_totals[token * shape_.queries + head] = tops_[row] + std::log(totals_[row]);
        }
    }

    HeadShape shape_;
    float scale_;
    std::size_t padded_;         // head, rounded up to whole vectors
    std::size_t rows_;           // of the largest block, whole tiles
    AlignedFloats queries_;      // (rows, padded)
    AlignedFloats mixed_;        // (rows, padded) not yet divided by totals
    AlignedFloats scores_;       // (rows, kBlockKeys), then their powers
    AlignedFloats keys_;         // (head, kBlockKeys)
    AlignedFloats values_;       // (kBlockKeys, padded)
    std::vector<float> tops_;    // (rows,) the largest score so far
    std::vector<float> totals_;  // (rows,) of the powers so far
};

}  // namespace

void CpuBackend::attention(const ModelConfig& config, const float* heads,
                           std::span<const int> starts, float* mixed, float* log_totals) {
    const HeadShape shape(config);
    const std::vector<Piece> pieces = cut(shape, starts);
#pragma omp parallel num_threads(threads_) if (threads_ > 1)
    {
        BlockAttention attention(shape);
#pragma omp for schedule(dynamic)
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            const std::size_t first = pieces[i].first_token;
            attention.run(pieces[i], heads + first * shape.width(),
                          mixed + first * shape.query_width(), log_totals + first * shape.queries);
        }
    }
}

}  // namespace dws
