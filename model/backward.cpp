#include "model/backward.h"

#include <algorithm>

#include "base/require.h"
#include "model/activations.h"
#include "model/layer_matrices.h"

namespace dws {
namespace {

// The gradients of one layer as the backend takes them.
struct LayerGradients {
    GradientMatrix query_key_value[3];
    GradientMatrix output[1];
    GradientMatrix gate_up[2];
    GradientMatrix down[1];

    LayerGradients(const ModelConfig& config, float* gradients, const LayerOffsets& at)
        : query_key_value{{gradients + at.query, config.query_heads * config.head_size},
                          {gradients + at.key, config.key_heads * config.head_size},
                          {gradients + at.value, config.key_heads * config.head_size}},
          output{{gradients + at.output, config.hidden_size}},
          gate_up{{gradients + at.gate, config.mlp_size}, {gradients + at.up, config.mlp_size}},
          down{{gradients + at.down, config.hidden_size}} {}
};

// Vectors only grow. forward() has already sized what both passes use.
void prepare(const ModelConfig& config, Activations& kept) {
    std::size_t most = 0;
    for (const Run& run : kept.runs) most = std::max(most, static_cast<std::size_t>(run.tokens));
    const auto reach = [most](std::vector<float>& values, int width) {
        const std::size_t needed = most * static_cast<std::size_t>(width);
        if (values.size() < needed) values.resize(needed);
    };
    const int query_width = config.query_heads * config.head_size;
    reach(kept.buffers.d_residual, config.hidden_size);
    reach(kept.buffers.d_mixed, query_width);
    reach(kept.buffers.d_heads, query_width + 2 * config.key_heads * config.head_size);
    reach(kept.buffers.d_product, config.mlp_size);
    reach(kept.buffers.d_gate_up, 2 * config.mlp_size);
    if (kept.buffers.d_normed.size() < kept.buffers.normed.size()) {
        kept.buffers.d_normed.resize(kept.buffers.normed.size());
    }
}

// What every step below needs.
struct Pass {
    const ModelConfig& config;
    std::span<const Bf16> words;
    const WeightOffsets& offsets;
    Backend& backend;
    Activations& kept;
    std::span<float> gradients;
    int hidden = config.hidden_size;
    int query_width = config.query_heads * config.head_size;
    int width = query_width + 2 * config.key_heads * config.head_size;
};

// The part of an array over all tokens that belongs to the run.
const float* part(const std::vector<float>& values, const Run& run, int columns) {
    return values.data() +
           static_cast<std::size_t>(run.first_token) * static_cast<std::size_t>(columns);
}

// From d_logits of the run's rows to d_residual after the last layer.
void head_backward(const Pass& pass, const Run& run, std::span<const float> d_logits) {
    RunBuffers& buffers = pass.kept.buffers;
    std::fill_n(buffers.d_residual.begin(),
                static_cast<std::size_t>(run.tokens) * static_cast<std::size_t>(pass.hidden), 0.0f);
    if (run.rows.empty()) return;
    const int rows = static_cast<int>(run.rows.size());
    const float* d_rows = d_logits.data() + static_cast<std::size_t>(run.first_row) *
                                                static_cast<std::size_t>(pass.config.vocab_size);
    const Bf16* final_norm = pass.words.data() + pass.offsets.final_norm;
    const WeightMatrix head[] = {{pass.words.data() + pass.offsets.head, pass.config.vocab_size}};
    const GradientMatrix d_head[] = {
        {pass.gradients.data() + pass.offsets.head, pass.config.vocab_size}};
    float* normed = buffers.normed.data();
    float* d_normed = buffers.d_normed.data();

    pass.backend.gather_rows(part(pass.kept.output, run, pass.hidden), run.rows.data(),
                             buffers.rows.data(), rows, pass.hidden);
    pass.backend.rms_norm(buffers.rows.data(), final_norm, normed, rows, pass.hidden,
                          pass.config.norm_epsilon);
    pass.backend.matmul_weight_gradient(d_rows, normed, d_head, rows, pass.hidden);
    pass.backend.matmul_input_gradient(d_rows, head, d_normed, rows, pass.hidden, Sum::kOverwrite);
    // `normed` has served: it becomes the gradient of the rows' residual.
    std::fill_n(normed, run.rows.size() * static_cast<std::size_t>(pass.hidden), 0.0f);
    pass.backend.rms_norm_backward(buffers.rows.data(), final_norm, d_normed, normed,
                                   pass.gradients.data() + pass.offsets.final_norm, rows,
                                   pass.hidden, pass.config.norm_epsilon);
    pass.backend.scatter_rows(normed, run.rows.data(), buffers.d_residual.data(), rows,
                              pass.hidden);
}

// d_residual, of the layer's result, gains the way through the MLP.
void mlp_backward(const Pass& pass, const Run& run, std::size_t layer) {
    const LayerOffsets& place = pass.offsets.layers[layer];
    const LayerMatrices weights(pass.config, pass.words.data(), place);
    const LayerGradients gradients(pass.config, pass.gradients.data(), place);
    const LayerActivations& own = pass.kept.layers[layer];
    const Bf16* norm = pass.words.data() + place.mlp_norm;
    const float* middle = part(own.middle, run, pass.hidden);
    RunBuffers& buffers = pass.kept.buffers;
    float* d_residual = buffers.d_residual.data();
    float* d_gate_up = buffers.d_gate_up.data();

    pass.backend.matmul_input_gradient(d_residual, weights.down, buffers.d_product.data(),
                                       run.tokens, pass.config.mlp_size, Sum::kOverwrite);
    pass.backend.swiglu_backward(part(own.gate_up, run, 2 * pass.config.mlp_size),
                                 buffers.d_product.data(), buffers.product.data(), d_gate_up,
                                 run.tokens, pass.config.mlp_size);
    pass.backend.matmul_weight_gradient(d_residual, buffers.product.data(), gradients.down,
                                        run.tokens, pass.config.mlp_size);
    pass.backend.rms_norm(middle, norm, buffers.normed.data(), run.tokens, pass.hidden,
                          pass.config.norm_epsilon);
    pass.backend.matmul_weight_gradient(d_gate_up, buffers.normed.data(), gradients.gate_up,
                                        run.tokens, pass.hidden);
    pass.backend.matmul_input_gradient(d_gate_up, weights.gate_up, buffers.d_normed.data(),
                                       run.tokens, pass.hidden, Sum::kOverwrite);
    pass.backend.rms_norm_backward(middle, norm, buffers.d_normed.data(), d_residual,
                                   pass.gradients.data() + place.mlp_norm, run.tokens, pass.hidden,
                                   pass.config.norm_epsilon);
}

// d_residual gains the way through attention: it becomes that of the layer's input.
void attention_backward(const Pass& pass, const Run& run, std::size_t layer) {
    const LayerOffsets& place = pass.offsets.layers[layer];
    const LayerMatrices weights(pass.config, pass.words.data(), place);
    const LayerGradients gradients(pass.config, pass.gradients.data(), place);
    const LayerActivations& own = pass.kept.layers[layer];
    const Bf16* norm = pass.words.data() + place.input_norm;
    const Bf16* query_norm = pass.words.data() + place.query_norm;
    const Bf16* key_norm = pass.words.data() + place.key_norm;
    const int* positions = pass.kept.positions.data() + run.first_token;
    const float* input = part(own.input, run, pass.hidden);
    const float* qkv = part(own.qkv, run, pass.width);
    const float* mixed = part(own.mixed, run, pass.query_width);
    RunBuffers& buffers = pass.kept.buffers;
    float* d_residual = buffers.d_residual.data();
    float* d_heads = buffers.d_heads.data();

    pass.backend.matmul_weight_gradient(d_residual, mixed, gradients.output, run.tokens,
                                        pass.query_width);
    pass.backend.matmul_input_gradient(d_residual, weights.output, buffers.d_mixed.data(),
                                       run.tokens, pass.query_width, Sum::kOverwrite);
    pass.backend.norm_rope(pass.config, qkv, query_norm, key_norm, positions, pass.kept.table,
                           buffers.heads.data(), run.tokens);
    pass.backend.attention_backward(pass.config, buffers.heads.data(), run.starts, mixed,
                                    part(own.log_totals, run, pass.config.query_heads),
                                    buffers.d_mixed.data(), d_heads);
    pass.backend.norm_rope_backward(pass.config, qkv, query_norm, key_norm, positions,
                                    pass.kept.table, d_heads,
                                    pass.gradients.data() + place.query_norm,
                                    pass.gradients.data() + place.key_norm, run.tokens);
    pass.backend.rms_norm(input, norm, buffers.normed.data(), run.tokens, pass.hidden,
                          pass.config.norm_epsilon);
    pass.backend.matmul_weight_gradient(d_heads, buffers.normed.data(), gradients.query_key_value,
                                        run.tokens, pass.hidden);
    pass.backend.matmul_input_gradient(d_heads, weights.query_key_value, buffers.d_normed.data(),
                                       run.tokens, pass.hidden, Sum::kOverwrite);
    pass.backend.rms_norm_backward(input, norm, buffers.d_normed.data(), d_residual,
                                   pass.gradients.data() + place.input_norm, run.tokens,
                                   pass.hidden, pass.config.norm_epsilon);
}

}  // namespace

void backward(const ModelConfig& config, std::span<const Bf16> words, const TokenBatch& batch,
              Backend& backend, Activations& activations, std::span<const float> d_logits,
              std::span<float> gradients) {
    const WeightOffsets offsets(config);
    require(words.size() == offsets.elements && gradients.size() == offsets.elements,
            "words and gradients are flat arrays of this model");
    require(d_logits.size() == batch.rows.size() * static_cast<std::size_t>(config.vocab_size),
            "d_logits are (R, V)");
    require(activations.positions.size() == batch.tokens.size(),
            "forward() has seen the same batch");
    prepare(config, activations);
    std::fill(gradients.begin(), gradients.end(), 0.0f);

    const Pass pass{config, words, offsets, backend, activations, gradients};
    for (const Run& run : activations.runs) {
        head_backward(pass, run, d_logits);
        for (std::size_t layer = offsets.layers.size(); layer-- > 0;) {
            mlp_backward(pass, run, layer);
            attention_backward(pass, run, layer);
        }
        backend.embed_backward(
            batch.tokens.data() + run.first_token, activations.buffers.d_residual.data(),
            gradients.data() + offsets.embedding, run.tokens, config.hidden_size);
    }
}

}  // namespace dws
