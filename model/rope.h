// The angles of rotary position embedding: one table for all layers and heads.
#pragma once

#include <vector>

#include "model/config.h"

namespace dws {

// Row p holds cos and sin of p * theta^(-2i/head) for i = 0 .. head/2 - 1.
struct RopeTable {
    int positions = 0;
    std::vector<float> cosines;  // (positions, head/2)
    std::vector<float> sines;    // (positions, head/2)

    // Makes the table reach `wanted` positions; keeps what is there.
    void grow(const ModelConfig& config, int wanted);
};

}  // namespace dws
