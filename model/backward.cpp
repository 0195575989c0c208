#include "model/backward.h"

#include <algorithm>

#include "base/require.h"
#include "model/head.h"
#include "model/layer_forward.h"
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

// d_residual, of the layer's result, gains the way through the MLP.
void mlp_backward(const Pass& pass, const Run& run, std::size_t layer,
                  std::span<float> all_gradients) {
    const LayerOffsets& place = pass.offsets.layers[layer];
    const LayerMatrices weights(pass.config, pass.words.data(), place);
    const LayerGradients gradients(pass.config, all_gradients.data(), place);
    const LayerParts own = pass.parts(layer);
    const Bf16* norm = pass.words.data() + place.mlp_norm;
    RunBuffers& buffers = pass.kept.buffers;
    float* d_residual = buffers.d_residual.data();
    float* d_gate_up = buffers.d_gate_up.data();

    pass.backend.matmul_input_gradient(d_residual, weights.down, buffers.d_product.data(),
                                       run.tokens, pass.config.mlp_size, Sum::kOverwrite);
    pass.backend.swiglu_backward(own.gate_up, buffers.d_product.data(), buffers.product.data(),
                                 d_gate_up, run.tokens, pass.config.mlp_size);
    pass.backend.matmul_weight_gradient(d_residual, buffers.product.data(), gradients.down,
                                        run.tokens, pass.config.mlp_size);
    pass.backend.rms_norm(own.middle, norm, buffers.normed.data(), run.tokens, pass.hidden,
                          pass.config.norm_epsilon);
    pass.backend.matmul_weight_gradient(d_gate_up, buffers.normed.data(), gradients.gate_up,
                                        run.tokens, pass.hidden);
    pass.backend.matmul_input_gradient(d_gate_up, weights.gate_up, buffers.d_normed.data(),
                                       run.tokens, pass.hidden, Sum::kOverwrite);
    pass.backend.rms_norm_backward(own.middle, norm, buffers.d_normed.data(), d_residual,
                                   all_gradients.data() + place.mlp_norm, run.tokens, pass.hidden,
                                   pass.config.norm_epsilon);
}

// d_residual gains the way through attention: it becomes that of the layer's input.
void attention_backward(const Pass& pass, const Run& run, std::size_t layer,
                        std::span<float> all_gradients) {
    const LayerOffsets& place = pass.offsets.layers[layer];
    const LayerMatrices weights(pass.config, pass.words.data(), place);
    const LayerGradients gradients(pass.config, all_gradients.data(), place);
    const LayerParts own = pass.parts(layer);
    const Bf16* norm = pass.words.data() + place.input_norm;
    const Bf16* query_norm = pass.words.data() + place.query_norm;
    const Bf16* key_norm = pass.words.data() + place.key_norm;
    const int* positions = pass.kept.positions.data() + run.first_token;
    RunBuffers& buffers = pass.kept.buffers;
    float* d_residual = buffers.d_residual.data();
    float* d_heads = buffers.d_heads.data();

    pass.backend.matmul_weight_gradient(d_residual, own.mixed, gradients.output, run.tokens,
                                        pass.query_width);
    pass.backend.matmul_input_gradient(d_residual, weights.output, buffers.d_mixed.data(),
                                       run.tokens, pass.query_width, Sum::kOverwrite);
    pass.backend.norm_rope(pass.config, own.qkv, query_norm, key_norm, positions, pass.kept.table,
                           buffers.heads.data(), run.tokens);
    pass.backend.attention_backward(pass.config, buffers.heads.data(), run.starts, own.mixed,
                                    own.log_totals, buffers.d_mixed.data(), d_heads);
    pass.backend.norm_rope_backward(
        pass.config, own.qkv, query_norm, key_norm, positions, pass.kept.table, d_heads,
        all_gradients.data() + place.query_norm, all_gradients.data() + place.key_norm, run.tokens);
    pass.backend.rms_norm(own.input, norm, buffers.normed.data(), run.tokens, pass.hidden,
                          pass.config.norm_epsilon);
    pass.backend.matmul_weight_gradient(d_heads, buffers.normed.data(), gradients.query_key_value,
                                        run.tokens, pass.hidden);
    pass.backend.matmul_input_gradient(d_heads, weights.query_key_value, buffers.d_normed.data(),
                                       run.tokens, pass.hidden, Sum::kOverwrite);
    pass.backend.rms_norm_backward(own.input, norm, buffers.d_normed.data(), d_residual,
                                   all_gradients.data() + place.input_norm, run.tokens, pass.hidden,
                                   pass.config.norm_epsilon);
}

}  // namespace

// Run by run: what a run has kept is used up before the next one comes.
void forward_backward(const ModelConfig& config, std::span<const Bf16> words,
                      const TokenBatch& batch, Backend& backend, Activations& activations,
                      const PassOptions& options, const LossChunk& loss,
                      std::span<float> gradients) {
    const WeightOffsets offsets(config);
    require(words.size() == offsets.elements && gradients.size() == offsets.elements,
            "words and gradients are flat arrays of this model");
    check_batch(config, batch);
    prepare(config, batch, backend, options.recompute, /*goes_back=*/true, activations);
    const Pass pass{config, words, offsets, backend, activations, options.recompute};
    HeadPass head(pass, options, loss, gradients);
    for (const Run& run : activations.runs) {
        if (run.rows.empty()) continue;
        embed_run(pass, run, batch.tokens);
        for (std::size_t layer = 0; layer < offsets.layers.size(); ++layer) {
            layer_forward(pass, run, layer);
        }
        head.run(run);
        for (std::size_t layer = offsets.layers.size(); layer-- > 0;) {
            if (options.recompute) layer_again(pass, run, layer);
            mlp_backward(pass, run, layer, gradients);
            attention_backward(pass, run, layer, gradients);
        }
        backend.embed_backward(
            batch.tokens.data() + run.first_token, activations.buffers.d_residual.data(),
            gradients.data() + offsets.embedding, run.tokens, config.hidden_size);
    }
    head.finish();
}

void backward(const ModelConfig& config, std::span<const Bf16> words, const TokenBatch& batch,
              Backend& backend, Activations& activations, std::span<const float> d_logits,
              std::span<float> gradients) {
    const std::size_t width = static_cast<std::size_t>(config.vocab_size);
    require(d_logits.size() == batch.rows.size() * width, "d_logits are (R, V)");
    std::ranges::fill(gradients, 0.0f);
    forward_backward(
        config, words, batch, backend, activations, {},
        [&](std::size_t first, std::span<const float>, std::span<float> chunk) {
            std::ranges::copy(d_logits.subspan(first * width, chunk.size()), chunk.begin());
        },
        gradients);
}

}  // namespace dws
