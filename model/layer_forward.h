// The way of one run through the layers: each operation stands once, for the forward pass and for
// the way back that recomputes.
#pragma once

#include <span>

#include "model/activations.h"

namespace dws {

// Where the arrays of one layer lie. Shapes: LayerActivations.
struct LayerParts {
    float* input;
    float* qkv;
    float* mixed;
    float* log_totals;
    float* middle;
    float* gate_up;
};

// What every operation needs. Nothing is owned, all outlives it.
struct Pass {
    const ModelConfig& config;
    std::span<const Bf16> words;
    const WeightOffsets& offsets;
    Backend& backend;
    Activations& kept;
    // Of each layer only its input and attention's outcome are kept: attention is the part whose
    // cost grows with the square of a sequence.
    bool recompute;
    int hidden = config.hidden_size;
    int query_width = config.query_heads * config.head_size;
    int width = query_width + 2 * config.key_heads * config.head_size;

    LayerParts parts(std::size_t layer) const;
    // (tokens, D) the next layer's input, or the output.
    float* result(std::size_t layer) const;
};

// From tokens to the first layer's input. tokens: (T,) of the batch.
void embed_run(const Pass& pass, const Run& run, std::span<const std::int32_t> tokens);
// From the layer's input to its result.
void layer_forward(const Pass& pass, const Run& run, std::size_t layer);
// Of a recomputing pass: makes the layer's qkv, middle and gate_up once more, to the bit.
void layer_again(const Pass& pass, const Run& run, std::size_t layer);

}  // namespace dws
