// What forward() keeps for backward(), and the cut of a batch into runs that both follow.
#pragma once

#include <vector>

#include "model/forward.h"

namespace dws {

// Neighbouring sequences that go through all layers together: about as many tokens as keep the
// buffers between two operations in cache.
struct Run {
    int first_token;
    int tokens;
    std::vector<int> starts;         // (sequences + 1,) from the run's first token
    int first_row;                   // of the batch's rows
    std::vector<std::int32_t> rows;  // tokens whose logits are wanted, from the first token
};

// All sequences in order; a run has at most run_tokens tokens, or one sequence.
std::vector<Run> cut_runs(const TokenBatch& batch, int run_tokens);

// Arrays over all T tokens of the batch.
struct LayerActivations {
    std::vector<float> input;       // (T, D) the residual before attention
    std::vector<float> qkv;         // (T, W) before norm and rotation
    std::vector<float> mixed;       // (T, H*head) attention's output
    std::vector<float> log_totals;  // (T, H)
    std::vector<float> middle;      // (T, D) the residual before the MLP
    std::vector<float> gate_up;     // (T, 2F)
};

// Between two operations, over the tokens of one run.
struct RunBuffers {
    std::vector<float> normed;   // (tokens, D)
    std::vector<float> heads;    // (tokens, W)
    std::vector<float> product;  // (tokens, F)
    std::vector<float> rows;     // (tokens, D) the residual where logits are wanted
    // backward() alone
    std::vector<float> d_residual;  // (tokens, D)
    std::vector<float> d_normed;    // (tokens, D)
    std::vector<float> d_mixed;     // (tokens, H*head)
    std::vector<float> d_heads;     // (tokens, W)
    std::vector<float> d_product;   // (tokens, F)
    std::vector<float> d_gate_up;   // (tokens, 2F)
};

struct Activations {
    std::vector<Run> runs;
    std::vector<int> positions;  // (T,) of each token in its sequence
    RopeTable table;
    std::vector<LayerActivations> layers;
    std::vector<float> output;  // (T, D) the residual after the last layer
    RunBuffers buffers;
};

}  // namespace dws
