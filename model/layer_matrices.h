// The matrices of one layer as the backend's products take them.
#pragma once

#include "model/backend.h"

namespace dws {

struct LayerMatrices {
    WeightMatrix query_key_value[3];
    WeightMatrix output[1];
    WeightMatrix gate_up[2];
    WeightMatrix down[1];

    LayerMatrices(const ModelConfig& config, const Bf16* words, const LayerOffsets& at)
        : query_key_value{{words + at.query, config.query_heads * config.head_size},
                          {words + at.key, config.key_heads * config.head_size},
                          {words + at.value, config.key_heads * config.head_size}},
          output{{words + at.output, config.hidden_size}},
          gate_up{{words + at.gate, config.mlp_size}, {words + at.up, config.mlp_size}},
          down{{words + at.down, config.hidden_size}} {}
};

}  // namespace dws
