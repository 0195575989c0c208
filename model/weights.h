// The table of a model's weights: Hugging Face names, shapes, and where each lies in one flat
// array. Master weights, gradients and moments are flat float arrays of the same element offsets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/tensor_layout.h"
#include "model/config.h"

namespace dws {

using Bf16 = std::uint16_t;  // the bits of a bfloat16

// model.embed_tokens.weight, model.layers.N.*, model.norm.weight, and lm_head.weight when not tied.
TensorLayout weight_layout(const ModelConfig& config);  // all BF16

// Element offsets of one layer's arrays in the flat array.
struct LayerOffsets {
    std::size_t input_norm;  // (D,)
    std::size_t query;       // (H*head, D)
    std::size_t key;         // (K*head, D)
    std::size_t value;       // (K*head, D)
    std::size_t output;      // (D, H*head)
    std::size_t query_norm;  // (head,)
    std::size_t key_norm;    // (head,)
    std::size_t mlp_norm;    // (D,) post_attention_layernorm
    std::size_t gate;        // (F, D)
    std::size_t up;          // (F, D)
    std::size_t down;        // (D, F)
};

struct WeightOffsets {
    explicit WeightOffsets(const ModelConfig& config);

    std::size_t embedding;  // (V, D)
    std::vector<LayerOffsets> layers;
    std::size_t final_norm;  // (D,)
    std::size_t head;        // (V, D); equals embedding when tied
    std::size_t elements;    // of the flat array, alignment gaps included
};

// How random weights are drawn. Gaps are 0.
enum class Init {
    // To be trained from here: N(0, 1/fan_in), o_proj and down_proj divided by sqrt(2*layers),
    // norms 1, the embedding N(0, 1/D).
    plain,
    // To stand for a released checkpoint (initial_weights.cpp says how, and after what): deviations
    // of 0.02 to 0.04 whatever the width, uneven rows and columns, a few columns four times as
    // large, norms around 1; every value is a bf16 word widened.
    trained,
};
// "plain" or "trained"; throws std::runtime_error for another name.
Init init_named(std::string_view name);

// (elements,) of weight_layout(). The same seed gives the same bits on every machine and with any
// number of threads. 0.6 billion weights take about 3 s of one core.
std::vector<float> initial_weights(const ModelConfig& config, std::uint64_t seed,
                                   Init init = Init::plain, int threads = 1);

// Round to nearest, ties to even; NaN stays NaN. Both cases are computed and one is selected, here
// in the header, so that a loop over many words vectorises.
inline Bf16 to_bf16(float value) {
    const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, value);
    const std::uint32_t nearest_even = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const std::uint32_t quiet_nan = (bits >> 16) | 0x40u;
    const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
    return static_cast<Bf16>(is_nan ? quiet_nan : nearest_even);
}
inline float from_bf16(Bf16 bits) {
    return __builtin_bit_cast(float, static_cast<std::uint32_t>(bits) << 16);
}
// words: (elements,) of the flat array.
std::vector<Bf16> round_to_bf16(std::span<const float> values);

// Reads a checkpoint (BF16, F16 or F32 arrays under HF names) into a flat float array. place: a
// safetensors file, or a folder with model.safetensors or with model.safetensors.index.json and its
// shards. Beside the result a few MB are held. A tied model's file may store lm_head.weight if it
// has the embedding's values. Throws std::runtime_error naming the file and the array that is
// missing or of another shape, or what else is wrong.
std::vector<float> load_weights(const ModelConfig& config, const std::filesystem::path& place);
// One file.
void save_weights(const ModelConfig& config, std::span<const Bf16> words,
                  const std::filesystem::path& file);

}  // namespace dws
