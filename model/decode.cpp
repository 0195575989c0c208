#include "model/decode.h"

#include <algorithm>

#include "base/require.h"
#include "model/layer_matrices.h"

namespace dws {
namespace {

// The inputs laid one after another.
struct Rows {
    std::vector<std::int32_t> tokens;  // (T,)
    std::vector<int> positions;        // (T,)
    std::vector<std::int32_t> last;    // (wanting inputs,) each one's last row
};

Rows lay_out(const ModelConfig& config, std::span<const NewTokens> inputs, const KvCache& cache) {
    Rows rows;
    std::vector<bool> seen(static_cast<std::size_t>(cache.slots()));
    for (const NewTokens& input : inputs) {
        const int past = cache.length(input.slot);
        require(!seen[static_cast<std::size_t>(input.slot)], "a slot stands once among the inputs");
        seen[static_cast<std::size_t>(input.slot)] = true;
        require(!input.tokens.empty() &&
                    input.tokens.size() <= static_cast<std::size_t>(cache.capacity_tokens() - past),
                "each input has tokens, and they fit the cache's capacity");
        for (const std::int32_t token : input.tokens) {
            require(token >= 0 && token < config.vocab_size, "a token is in the vocabulary");
            rows.tokens.push_back(token);
        }
        for (int i = 0; i < static_cast<int>(input.tokens.size()); ++i) {
            rows.positions.push_back(past + i);
        }
        if (!input.wants_logits) continue;
        rows.last.push_back(static_cast<std::int32_t>(rows.tokens.size()) - 1);
    }
    return rows;
}

// The inputs' places in the cache, with pages for their new tokens.
std::vector<CachedSequence> make_room(std::span<const NewTokens> inputs, KvCache& cache) {
    std::vector<CachedSequence> sequences;
    int first_row = 0;
    for (const NewTokens& input : inputs) {
        const int tokens = static_cast<int>(input.tokens.size());
        cache.make_room(input.slot, tokens);
        sequences.push_back({cache.pages(input.slot), cache.length(input.slot), first_row, tokens});
        first_row += tokens;
    }
    return sequences;
}

// The parts of one storage that the operations of a layer hand to each other.
struct Parts {
    float *residual, *normed, *qkv, *heads, *mixed, *gate_up, *product;

    Parts(const ModelConfig& config, std::size_t rows, std::vector<float>& storage) {
        const std::size_t hidden = static_cast<std::size_t>(config.hidden_size);
        const std::size_t head = static_cast<std::size_t>(config.head_size);
        const std::size_t queries = static_cast<std::size_t>(config.query_heads) * head;
        const std::size_t width = queries + 2 * static_cast<std::size_t>(config.key_heads) * head;
        const std::size_t mlp = static_cast<std::size_t>(config.mlp_size);
        const std::size_t needed = rows * (2 * hidden + 2 * width + queries + 3 * mlp);
        if (storage.size() < needed) storage.resize(needed);
        residual = storage.data();
        normed = residual + rows * hidden;
        qkv = normed + rows * hidden;
        heads = qkv + rows * width;
        mixed = heads + rows * width;
        gate_up = mixed + rows * queries;
        product = gate_up + rows * 2 * mlp;
    }
};

// Of all rows, only those whose logits are wanted go on: in place of residual and mixed.
void keep_last_rows(const ModelConfig& config, const Rows& rows, Backend& backend,
                    const Parts& parts) {
    const int kept = static_cast<int>(rows.last.size());
    const std::size_t hidden = static_cast<std::size_t>(config.hidden_size);
    const int query_width = config.query_heads * config.head_size;
    backend.gather_rows(parts.residual, rows.last.data(), parts.normed, kept, config.hidden_size);
    backend.copy(parts.normed, parts.residual, rows.last.size() * hidden);
    backend.gather_rows(parts.mixed, rows.last.data(), parts.qkv, kept, query_width);
    backend.copy(parts.qkv, parts.mixed, rows.last.size() * static_cast<std::size_t>(query_width));
}

}  // namespace

// forward()'s list of operations. After the last layer's attention only the rows whose logits are
// wanted go on; a prompt of 6 tokens is a fifth cheaper for it.
void decode(const ModelConfig& config, std::span<const Bf16> words,
            std::span<const NewTokens> inputs, Backend& backend, KvCache& cache,
            DecodeBuffers& buffers, std::span<float> logits) {
    const WeightOffsets offsets(config);
    require(words.size() == offsets.elements, "words are the flat array of this model");
    require(cache.number_bytes() == backend.cached_bytes(), "the cache was made for this backend");
    const Rows input_rows = lay_out(config, inputs, cache);
    require(logits.size() == input_rows.last.size() * static_cast<std::size_t>(config.vocab_size),
            "logits are (wanting inputs, V)");
    const std::vector<CachedSequence> sequences = make_room(inputs, cache);
    const Parts parts(config, input_rows.tokens.size(), buffers.storage);
    int rows = static_cast<int>(input_rows.tokens.size());
    const int hidden = config.hidden_size;
    const int query_width = config.query_heads * config.head_size;

    backend.embed(words.data() + offsets.embedding, input_rows.tokens.data(), parts.residual, rows,
                  hidden);
    for (int layer = 0; layer < config.layers; ++layer) {
        const LayerOffsets& place = offsets.layers[static_cast<std::size_t>(layer)];
        const LayerMatrices weights(config, words.data(), place);
        backend.rms_norm(parts.residual, words.data() + place.input_norm, parts.normed, rows,
                         hidden, config.norm_epsilon);
        backend.matmul(parts.normed, weights.query_key_value, parts.qkv, rows, hidden,
                       Sum::kOverwrite);
        backend.norm_rope(config, parts.qkv, words.data() + place.query_norm,
                          words.data() + place.key_norm, input_rows.positions.data(), cache.table(),
                          parts.heads, rows);
        backend.attention_cached(config, parts.heads, sequences, cache.layer_offset(layer),
                                 parts.mixed);
        if (layer == config.layers - 1) {
            rows = static_cast<int>(input_rows.last.size());
            if (rows == 0) break;
            keep_last_rows(config, input_rows, backend, parts);
        }
        backend.matmul(parts.mixed, weights.output, parts.residual, rows, query_width, Sum::kAdd);
        backend.rms_norm(parts.residual, words.data() + place.mlp_norm, parts.normed, rows, hidden,
                         config.norm_epsilon);
        backend.matmul(parts.normed, weights.gate_up, parts.gate_up, rows, hidden, Sum::kOverwrite);
        backend.swiglu(parts.gate_up, parts.product, rows, config.mlp_size);
        backend.matmul(parts.product, weights.down, parts.residual, rows, config.mlp_size,
                       Sum::kAdd);
    }
    if (rows > 0) {
        const WeightMatrix head[] = {{words.data() + offsets.head, config.vocab_size}};
        backend.rms_norm(parts.residual, words.data() + offsets.final_norm, parts.normed, rows,
                         hidden, config.norm_epsilon);
        backend.matmul(parts.normed, head, logits.data(), rows, hidden, Sum::kOverwrite);
    }
    for (const NewTokens& input : inputs) {
        cache.extend(input.slot, static_cast<int>(input.tokens.size()));
    }
}

}  // namespace dws
