// Attention of new tokens against a cache, for generation. One key head of one sequence is a piece
// of work, so that a single long sequence keeps several threads busy; each cached key and value is
// loaded once for up to eight queries, which with one new token is the whole group.
//
// A query's result has the same bits whatever tokens came with it: prompts may be cut anywhere.
#include "model/aligned_floats.h"
#include "model/attention_row.h"
#include "model/cache_page.h"
#include "model/cpu_backend.h"
#include "model/head_shape.h"

namespace dws {
namespace {

// Sums that stay in registers, of the 32 or 16 there are.
constexpr std::size_t kSums = kLanes == 16 ? 16 : 8;
constexpr std::size_t kRowsMax = kSums / 2;

void put(float value, float* to) { *to = value; }
void put(float value, Bf16* to) { *to = to_bf16(value); }

// Works on one key head of one sequence at a time. Buffers are reused. Number: of the cache.
template <class Number>
class CachedAttention {
public:
    explicit CachedAttention(const HeadShape& shape)
        : shape_(shape), scale_(1.0f / std::sqrt(static_cast<float>(shape.size))) {}

    // heads, mixed: of the sequence's first new token. page_offset: of the key head in each page.
    void run(const CachedSequence& sequence, std::size_t page_offset, std::size_t key_head,
             const float* heads, float* mixed) {
        sequence_ = &sequence;
        page_offset_ = page_offset;
        first_head_ = key_head * shape_.group();
        heads_ = heads;
        mixed_ = mixed;
        past_ = static_cast<std::size_t>(sequence.past);
        const std::size_t tokens = static_cast<std::size_t>(sequence.rows);
        append(key_head, tokens);
        stride_ = pages_for(past_ + tokens) * kPageTokens;
        scores_.reach(kRowsMax * stride_);
        const std::size_t rows = tokens * shape_.group();
        std::size_t row = 0;
        for (; row + kRowsMax <= rows; row += kRowsMax) attend<kRowsMax>(row);
        if (rows - row >= 4) row = attend<4>(row);
        if (rows - row >= 2) row = attend<2>(row);
        if (rows - row >= 1) attend<1>(row);
    }

private:
    Number* page(std::size_t index) const {
        return reinterpret_cast<Number*>(sequence_->pages[index]) + page_offset_;
    }

    void append(std::size_t key_head, std::size_t tokens) {
        for (std::size_t i = 0; i < tokens; ++i) {
            const std::size_t token = past_ + i;
            const float* row = heads_ + i * shape_.width();
            const float* key = row + shape_.key_at(key_head);
            const float* value = row + shape_.value_at(key_head);
            Number* keys = page(token / kPageTokens) + token % kPageTokens;
            Number* values = page(token / kPageTokens) + shape_.size * kPageTokens +
                             token % kPageTokens * shape_.size;
            for (std::size_t d = 0; d < shape_.size; ++d) put(key[d], keys + d * kPageTokens);
            for (std::size_t d = 0; d < shape_.size; ++d) put(value[d], values + d);
        }
    }

    // A row is a query: token row / group, head row % group of the key head's.
    std::size_t count(std::size_t row) const { return past_ + row / shape_.group() + 1; }
    const float* query(std::size_t row) const {
        return heads_ + row / shape_.group() * shape_.width() +
               shape_.query_at(first_head_ + row % shape_.group());
    }
    float* result(std::size_t row) const {
        return mixed_ + row / shape_.group() * shape_.query_width() +
               (first_head_ + row % shape_.group()) * shape_.size;
    }

    // Rows queries from `row` on; returns the row behind them.
    template <std::size_t Rows>
    std::size_t attend(std::size_t row) {
        const std::size_t keys = count(row + Rows - 1);
        constexpr std::size_t kVectors = std::min(kSums / Rows, std::size_t{4});
        const std::size_t vectors = round_up_to_lanes(keys) / kLanes;
        std::size_t v = 0;
        for (; v + kVectors <= vectors; v += kVectors) score<Rows, kVectors>(row, v, vectors - 1);
        for (; v < vectors; ++v) score<Rows, 1>(row, v, vectors - 1);
        for (std::size_t r = 0; r < Rows; ++r) {
            const std::size_t own = count(row + r);
            float* scores = scores_.data() + r * stride_;
            softmax_row(scores, own);
            std::fill(scores + own, scores + keys, 0.0f);
        }
        constexpr std::size_t kColumns = std::clamp<std::size_t>(kSums / 2 / Rows, 1, 4);
        std::size_t d = 0;
        for (; d + kColumns * kLanes <= shape_.size; d += kColumns * kLanes) {
            weigh<Rows, kColumns, true>(row, keys, d);
        }
        for (; d + kLanes <= shape_.size; d += kLanes) weigh<Rows, 1, true>(row, keys, d);
        if (d < shape_.size) weigh<Rows, 1, false>(row, keys, d);
        return row + Rows;
    }

    // The first element of the keys in a vector of the sequence's tokens.
    const Number* keys_of(std::size_t vector) const {
        const std::size_t token = vector * kLanes;
        return page(token / kPageTokens) + token % kPageTokens;
    }

    // Scores against the keys of Vectors vectors, from the first_vector-th of the sequence on.
    // Those of the next, up to last_vector, are asked for meanwhile, line by line: pages lie
    // anywhere, and the processor's own reading ahead ends with each.
    template <std::size_t Rows, std::size_t Vectors>
    void score(std::size_t row, std::size_t first_vector, std::size_t last_vector) {
        constexpr std::size_t kPageVectors = kPageTokens / kLanes;  // share their lines
        const float* queries[Rows];
        for (std::size_t r = 0; r < Rows; ++r) queries[r] = query(row + r);
        const Number *keys[Vectors], *coming[Vectors];
        for (std::size_t v = 0; v < Vectors; ++v) {
            keys[v] = keys_of(first_vector + v);
            coming[v] = keys_of(std::min(first_vector + Vectors + v, last_vector));
        }
        Lanes totals[Rows][Vectors] = {};
        for (std::size_t d = 0; d < shape_.size; ++d) {
            Lanes right[Vectors];
            for (std::size_t v = 0; v < Vectors; ++v) {
                right[v] = load(keys[v] + d * kPageTokens);
                if (d % kLineRows == 0 && v % kPageVectors == 0)
                    __builtin_prefetch(coming[v] + d * kPageTokens);
            }
            for (std::size_t r = 0; r < Rows; ++r) {
                const float left = queries[r][d];
                for (std::size_t v = 0; v < Vectors; ++v) totals[r][v] += left * right[v];
            }
        }
        for (std::size_t r = 0; r < Rows; ++r) {
            float* to = scores_.data() + r * stride_ + first_vector * kLanes;
            for (std::size_t v = 0; v < Vectors; ++v) store(to + v * kLanes, totals[r][v] * scale_);
        }
    }

    // Elements from d on of the rows' sums of values: whole vectors, or what is left of one. Even
    // and odd keys have their own sums: one alone would wait for itself.
    template <std::size_t Rows, std::size_t Vectors, bool IsWhole>
    void weigh(std::size_t row, std::size_t keys, std::size_t d) {
        Lanes totals[2][Rows][Vectors] = {};
        const std::size_t left = shape_.size - d;
        const auto add = [&](Lanes(&to)[Rows][Vectors], const float* weights, const Number* value) {
            for (std::size_t v = 0; v < Vectors; ++v) {
                const Lanes right =
                    IsWhole ? load(value + v * kLanes) : load_part(value + v * kLanes, left);
                for (std::size_t r = 0; r < Rows; ++r) to[r][v] += weights[r * stride_] * right;
            }
        };
        const auto values_of = [&](std::size_t index) {
            return page(index) + shape_.size * kPageTokens;
        };
        const std::size_t last_page = (keys - 1) / kPageTokens;
        for (std::size_t first = 0; first < keys; first += kPageTokens) {
            const std::size_t index = first / kPageTokens;
            const Number* values = values_of(index) + d;
            const Number* coming = values_of(std::min(index + 1, last_page));
            const float* weights = scores_.data() + first;
            const std::size_t tokens = std::min(kPageTokens, keys - first);
            std::size_t j = 0;
            for (; j + 2 <= tokens; j += 2) {
                if (d == 0) {  // whole rows, for the passes over the other columns as well
                    for (std::size_t i = 0; i < 2 * shape_.size; i += kLineNumbers)
                        __builtin_prefetch(coming + j * shape_.size + i);
                }
                add(totals[0], weights + j, values + j * shape_.size);
                add(totals[1], weights + j + 1, values + (j + 1) * shape_.size);
            }
            if (j < tokens) add(totals[0], weights + j, values + j * shape_.size);
        }
        for (std::size_t r = 0; r < Rows; ++r) {
            float* to = result(row + r) + d;
            for (std::size_t v = 0; v < Vectors; ++v) {
                const Lanes total = totals[0][r][v] + totals[1][r][v];
                store_part(to + v * kLanes, total, IsWhole ? kLanes : left);
            }
        }
    }

    // Numbers of a cache line, and elements of a page's keys: each is one number per token.
    static constexpr std::size_t kLineNumbers = 64 / sizeof(Number);
    static constexpr std::size_t kLineRows = std::max(kLineNumbers / kPageTokens, std::size_t{1});

    HeadShape shape_;
    float scale_;
    AlignedFloats scores_;  // (kRowsMax, stride) of the rows at work
    // Of the sequence and key head at work:
    const CachedSequence* sequence_ = nullptr;
    std::size_t page_offset_ = 0;
    std::size_t first_head_ = 0;
    std::size_t past_ = 0;
    std::size_t stride_ = 0;  // its tokens, whole pages
    const float* heads_ = nullptr;
    float* mixed_ = nullptr;
};

template <class Number>
void attend(const HeadShape& shape, const float* heads, std::span<const CachedSequence> sequences,
            std::size_t layer_offset, float* mixed, int threads) {
    const std::size_t pieces = shape.keys * sequences.size();
    // Several pieces at a time when there are many: a small model's are over in a microsecond.
    const std::size_t at_a_time =
        std::max(pieces / (8 * static_cast<std::size_t>(threads)), std::size_t{1});
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        CachedAttention<Number> attention(shape);
#pragma omp for schedule(dynamic, at_a_time)
        for (std::size_t piece = 0; piece < pieces; ++piece) {
            // All sequences for one key head, then for the next: of pages that they share, only
            // the first reads from memory.
            const std::size_t key_head = piece / sequences.size();
            const CachedSequence& sequence = sequences[piece % sequences.size()];
            const std::size_t first = static_cast<std::size_t>(sequence.first_row);
            attention.run(sequence, layer_offset + key_head * page_head_numbers(shape), key_head,
                          heads + first * shape.width(), mixed + first * shape.query_width());
        }
    }
}

}  // namespace

void CpuBackend::attention_cached(const ModelConfig& config, const float* heads,
                                  std::span<const CachedSequence> sequences,
                                  std::size_t layer_offset, float* mixed) {
    const HeadShape shape(config);
    if (cached_bytes() == sizeof(Bf16))
        attend<Bf16>(shape, heads, sequences, layer_offset, mixed, threads_);
    else
        attend<float>(shape, heads, sequences, layer_offset, mixed, threads_);
}

}  // namespace dws
