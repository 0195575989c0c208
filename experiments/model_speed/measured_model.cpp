#include "experiments/model_speed/measured_model.h"

namespace dws {

ModelConfig qwen3_0_6b(int layers) {
    return {.vocab_size = 151'936,
            .hidden_size = 1024,
            .layers = layers,
            .query_heads = 16,
            .key_heads = 8,
            .head_size = 128,
            .mlp_size = 3072,
            .norm_epsilon = 1e-6f,
            .rope_theta = 1e6f,
            .has_tied_embeddings = true};
}

ModelConfig small_model() {
    return {.vocab_size = 2048,
            .hidden_size = 128,
            .layers = 2,
            .query_heads = 4,
            .key_heads = 2,
            .head_size = 32,
            .mlp_size = 384,
            .norm_epsilon = 1e-6f,
            .rope_theta = 1e6f,
            .has_tied_embeddings = true};
}

}  // namespace dws
