#include "model/activations.h"

#include <algorithm>

#include "base/require.h"

namespace dws {
namespace {

// A run of a small model stays in cache between operations. One of a large model does not fit
// anyway, and wants many rows instead: every run reads all weights and adds to all gradients.
constexpr int kLargeHiddenSize = 512;
constexpr int kLargeRunTokens = 1024;

int run_tokens(const ModelConfig& config, const Backend& backend) {
    if (config.hidden_size < kLargeHiddenSize) return backend.run_tokens();
    return kLargeRunTokens;
}

// Returns the longest sequence's tokens.
int count_positions(const TokenBatch& batch, std::vector<int>& positions) {
    positions.resize(batch.tokens.size());
    int longest = 0;
    for (std::size_t sequence = 0; sequence + 1 < batch.starts.size(); ++sequence) {
        const int first = batch.starts[sequence];
        for (int token = first; token < batch.starts[sequence + 1]; ++token) {
            positions[static_cast<std::size_t>(token)] = token - first;
        }
        longest = std::max(longest, batch.starts[sequence + 1] - first);
    }
    return longest;
}

}  // namespace

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

void reach(std::vector<float>& values, std::size_t rows, int width) {
    const std::size_t needed = rows * static_cast<std::size_t>(width);
    if (values.size() < needed) values.resize(needed);
}

void check_batch(const ModelConfig& config, const TokenBatch& batch) {
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
}

void prepare(const ModelConfig& config, const TokenBatch& batch, const Backend& backend,
             bool recompute, bool goes_back, Activations& kept) {
    kept.runs = cut_runs(batch, run_tokens(config, backend));
    kept.table.grow(config, count_positions(batch, kept.positions));
    std::size_t tokens = 0, rows = 0;  // of the longest run
    for (const Run& run : kept.runs) {
        tokens = std::max(tokens, static_cast<std::size_t>(run.tokens));
        rows = std::max(rows, run.rows.size());
    }
    const int query_width = config.query_heads * config.head_size;
    const int width = query_width + 2 * config.key_heads * config.head_size;
    kept.layers.resize(static_cast<std::size_t>(config.layers));
    for (LayerActivations& layer : kept.layers) {
        LayerActivations& rest = recompute ? kept.shared : layer;
        reach(layer.input, tokens, config.hidden_size);
        reach(layer.mixed, tokens, query_width);
        reach(layer.log_totals, tokens, config.query_heads);
        reach(rest.qkv, tokens, width);
        reach(rest.middle, tokens, config.hidden_size);
        reach(rest.gate_up, tokens, 2 * config.mlp_size);
    }
    reach(kept.output, tokens, config.hidden_size);
    reach(kept.buffers.normed, tokens, config.hidden_size);
    reach(kept.buffers.heads, tokens, width);
    reach(kept.buffers.product, tokens, config.mlp_size);
    reach(kept.head.rows, rows, config.hidden_size);
    reach(kept.head.normed, rows, config.hidden_size);
    if (!goes_back) return;
    reach(kept.buffers.d_residual, tokens, config.hidden_size);
    reach(kept.buffers.d_normed, tokens, config.hidden_size);
    reach(kept.buffers.d_mixed, tokens, query_width);
    reach(kept.buffers.d_heads, tokens, width);
    reach(kept.buffers.d_product, tokens, config.mlp_size);
    reach(kept.buffers.d_gate_up, tokens, 2 * config.mlp_size);
    reach(kept.head.d_normed, rows, config.hidden_size);
}

}  // namespace dws
