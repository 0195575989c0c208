// The arrays of a mixture-of-experts model with 1e12 parameters: names and shapes as in public
// checkpoints of that class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/tensor_layout.h"

namespace dws {

// Kimi K2's config.json (https://huggingface.co/moonshotai/Kimi-K2-Instruct).
struct MoeShape {
    std::int64_t layers = 61;
    std::int64_t dense_layers = 1;  // the first ones have no experts
    std::int64_t hidden = 7168;
    std::int64_t dense_intermediate = 18432;
    std::int64_t expert_intermediate = 2048;
    std::int64_t experts = 384;       // routed
    std::int64_t shared_experts = 1;  // side by side in one
    std::int64_t heads = 64;
    std::int64_t query_rank = 1536;  // of latent attention
    std::int64_t key_value_rank = 512;
    std::int64_t head_plain = 128;  // of a query or key, without position
    std::int64_t head_rotary = 64;  // with it; one for all heads of a key
    std::int64_t head_value = 128;
    std::int64_t vocabulary = 163840;
};

struct MoeLayout {
    std::vector<TensorSpec> specs;  // embedding, layers, last norm, head
    // (layers + 1,) the first array of each layer, and the one after the last.
    std::vector<std::size_t> layer_starts;
};

MoeLayout moe_layout(const MoeShape& shape);

}  // namespace dws
