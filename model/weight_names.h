// Hugging Face's names of a Qwen3 model's arrays; those of a layer follow "model.layers.N.".
#pragma once

namespace dws {

inline constexpr const char* kEmbeddingName = "model.embed_tokens.weight";
inline constexpr const char* kInputNormName = "input_layernorm.weight";
inline constexpr const char* kQueryName = "self_attn.q_proj.weight";
inline constexpr const char* kKeyName = "self_attn.k_proj.weight";
inline constexpr const char* kValueName = "self_attn.v_proj.weight";
inline constexpr const char* kOutputName = "self_attn.o_proj.weight";
inline constexpr const char* kQueryNormName = "self_attn.q_norm.weight";
inline constexpr const char* kKeyNormName = "self_attn.k_norm.weight";
inline constexpr const char* kMlpNormName = "post_attention_layernorm.weight";
inline constexpr const char* kGateName = "mlp.gate_proj.weight";
inline constexpr const char* kUpName = "mlp.up_proj.weight";
inline constexpr const char* kDownName = "mlp.down_proj.weight";
inline constexpr const char* kFinalNormName = "model.norm.weight";
inline constexpr const char* kHeadName = "lm_head.weight";

}  // namespace dws
