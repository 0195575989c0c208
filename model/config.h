// The sizes of a Qwen3 model, read from a Hugging Face config.json.
#pragma once

#include <cstdint>
#include <filesystem>

namespace dws {

struct ModelConfig {
    int vocab_size = 0;
    int hidden_size = 0;         // D
    int layers = 0;              // num_hidden_layers
    int query_heads = 0;         // num_attention_heads, H
    int key_heads = 0;           // num_key_value_heads, K; H is a multiple of K
    int head_size = 0;           // head_dim, even
    int mlp_size = 0;            // intermediate_size, F
    float norm_epsilon = 1e-6f;  // rms_norm_eps
    float rope_theta = 1e6f;
    bool has_tied_embeddings = true;  // tie_word_embeddings: lm_head is the embedding
};

// place: config.json, or the folder that holds it. The configs of the published dense Qwen3 models
// load as they are. Throws std::runtime_error naming file and key when a size is missing, not a
// positive number, or asks for something this model is not (attention_bias, sliding window, rope
// scaling).
ModelConfig load_model_config(const std::filesystem::path& place);

}  // namespace dws
