#include "model/forward.h"

#include <algorithm>

#include "base/require.h"
#include "model/activations.h"
#include "model/layer_matrices.h"

namespace dws {
namespace {

void check(const ModelConfig& config, const TokenBatch& batch, std::size_t logits) {
    require(batch.starts.size() >= 1 && batch.starts.front() == 0 &&
                static_cast<std::size_t>(batch.starts.back()) == batch.tokens.size() &&
                std::is_sorted(batch.starts.begin(), batch.starts.end()),
            "starts go from 0 up to the number of tokens");
    for (const std::int32_t token : batch.tokens) {
        require(token >= 0 && token < config.vocab_size, "a token is in the vocabulary");
    }
    require(std::is_sorted(batch.rows.begin(), batch.rows.end()) &&
                (batch.rows.empty() ||
                 (batch.rows.front() >= 0 && batch.rows.back() < batch.starts.back())),
            "rows are ascending token indices");
    require(logits == batch.rows.size() * static_cast<std::size_t>(config.vocab_size),
            "logits are (R, V)");
}

// Vectors only grow: a later, smaller batch uses their beginning.
void reach(std::vector<float>& values, std::size_t rows, int width) {
    const std::size_t needed = rows * static_cast<std::size_t>(width);
    if (values.size() < needed) values.resize(needed);
}

void prepare(const ModelConfig& config, const TokenBatch& batch, int run_tokens,
             Activations& kept) {
    const std::size_t tokens = batch.tokens.size();
    kept.runs = cut_runs(batch, run_tokens);
    kept.positions.resize(tokens);
    int longest = 0;
    for (std::size_t sequence = 0; sequence + 1 < batch.starts.size(); ++sequence) {
        const int first = batch.starts[sequence];
        for (int token = first; token < batch.starts[sequence + 1]; ++token) {
            kept.positions[static_cast<std::size_t>(token)] = token - first;
        }
        longest = std::max(longest, batch.starts[sequence + 1] - first);
    }
    kept.table.grow(config, longest);
    const int query_width = config.query_heads * config.head_size;
    const int width = query_width + 2 * config.key_heads * config.head_size;
    kept.layers.resize(static_cast<std::size_t>(config.layers));
    for (LayerActivations& layer : kept.layers) {
        reach(layer.input, tokens, config.hidden_size);
        reach(layer.qkv, tokens, width);
        reach(layer.mixed, tokens, query_width);
        reach(layer.log_totals, tokens, config.query_heads);
        reach(layer.middle, tokens, config.hidden_size);
        reach(layer.gate_up, tokens, 2 * config.mlp_size);
    }
    reach(kept.output, tokens, config.hidden_size);
    std::size_t most = 0;
    for (const Run& run : kept.runs) {
        most = std::max({most, static_cast<std::size_t>(run.tokens), run.rows.size()});
    }
    reach(kept.buffers.normed, most, config.hidden_size);
    reach(kept.buffers.heads, most, width);
    reach(kept.buffers.product, most, config.mlp_size);
    reach(kept.buffers.rows, most, config.hidden_size);
}

}  // namespace

void ActivationsDeleter::operator()(Activations* activations) const { delete activations; }

ActivationsPointer make_activations() {
    return ActivationsPointer(std::make_unique<Activations>().release());
}

std::vector<Run> cut_runs(const TokenBatch& batch, int run_tokens) {
    std::vector<Run> runs;
    for (std::size_t sequence = 0; sequence + 1 < batch.starts.size(); ++sequence) {
        const int first = batch.starts[sequence];
        const int end = batch.starts[sequence + 1];
        if (runs.empty() || end - runs.back().first_token > run_tokens) {
            runs.push_back({first, 0, {0}, 0, {}});
        }
        runs.back().tokens = end - runs.back().first_token;
        runs.back().starts.push_back(runs.back().tokens);
    }
    std::size_t row = 0;
    for (Run& run : runs) {
        run.first_row = static_cast<int>(row);
        for (; row < batch.rows.size() && batch.rows[row] < run.first_token + run.tokens; ++row) {
            run.rows.push_back(batch.rows[row] - run.first_token);
        }
    }
    return runs;
}

// The list of operations, top to bottom, for each run.
void forward(const ModelConfig& config, std::span<const Bf16> words, const TokenBatch& batch,
             Backend& backend, Activations& kept, std::span<float> logits) {
    const WeightOffsets offsets(config);
    require(words.size() == offsets.elements, "words are the flat array of this model");
    check(config, batch, logits.size());
    prepare(config, batch, backend.run_tokens(), kept);

    const int hidden = config.hidden_size;
    const int query_width = config.query_heads * config.head_size;
    const int width = query_width + 2 * config.key_heads * config.head_size;
    RunBuffers& buffers = kept.buffers;
    for (const Run& run : kept.runs) {
        const int tokens = run.tokens;
        const std::size_t first = static_cast<std::size_t>(run.first_token);
        const auto at = [first](std::vector<float>& values, int columns) {
            return values.data() + first * static_cast<std::size_t>(columns);
        };
        const std::size_t residual_size =
            static_cast<std::size_t>(tokens) * static_cast<std::size_t>(hidden);
        backend.embed(words.data() + offsets.embedding, batch.tokens.data() + first,
                      at(kept.layers[0].input, hidden), tokens, hidden);
        for (std::size_t layer = 0; layer < offsets.layers.size(); ++layer) {
            const LayerOffsets& place = offsets.layers[layer];
            const LayerMatrices weights(config, words.data(), place);
            LayerActivations& own = kept.layers[layer];
            float* input = at(own.input, hidden);
            float* middle = at(own.middle, hidden);
            float* mixed = at(own.mixed, query_width);
            float* gate_up = at(own.gate_up, 2 * config.mlp_size);
            float* result =
                at(layer + 1 < kept.layers.size() ? kept.layers[layer + 1].input : kept.output,
                   hidden);

            backend.rms_norm(input, words.data() + place.input_norm, buffers.normed.data(), tokens,
                             hidden, config.norm_epsilon);
            backend.matmul(buffers.normed.data(), weights.query_key_value, at(own.qkv, width),
                           tokens, hidden, Sum::kOverwrite);
            backend.norm_rope(config, at(own.qkv, width), words.data() + place.query_norm,
                              words.data() + place.key_norm, kept.positions.data() + first,
                              kept.table, buffers.heads.data(), tokens);
            backend.attention(config, buffers.heads.data(), run.starts, mixed,
                              at(own.log_totals, config.query_heads));
            backend.copy(input, middle, residual_size);
            backend.matmul(mixed, weights.output, middle, tokens, query_width, Sum::kAdd);

            backend.rms_norm(middle, words.data() + place.mlp_norm, buffers.normed.data(), tokens,
                             hidden, config.norm_epsilon);
            backend.matmul(buffers.normed.data(), weights.gate_up, gate_up, tokens, hidden,
                           Sum::kOverwrite);
            backend.swiglu(gate_up, buffers.product.data(), tokens, config.mlp_size);
            backend.copy(middle, result, residual_size);
            backend.matmul(buffers.product.data(), weights.down, result, tokens, config.mlp_size,
                           Sum::kAdd);
        }
        const int rows = static_cast<int>(run.rows.size());
        const WeightMatrix head[] = {{words.data() + offsets.head, config.vocab_size}};
        backend.gather_rows(at(kept.output, hidden), run.rows.data(), buffers.rows.data(), rows,
                            hidden);
        backend.rms_norm(buffers.rows.data(), words.data() + offsets.final_norm,
                         buffers.normed.data(), rows, hidden, config.norm_epsilon);
        backend.matmul(buffers.normed.data(), head,
                       logits.data() + static_cast<std::size_t>(run.first_row) *
                                           static_cast<std::size_t>(config.vocab_size),
                       rows, hidden, Sum::kOverwrite);
    }
}

}  // namespace dws
