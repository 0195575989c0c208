// What a pass of training holds: how a batch is cut into runs, and the arrays of the one run that
// is on its way through the layers and back. A run ends before the next begins, so memory follows
// the longest run, not the batch.
#pragma once

#include <cstdint>
#include <vector>

#include "model/forward.h"

namespace dws {

// Neighbouring sequences that go through all layers together.
struct Run {
    int first_token;
    int tokens;
    std::vector<int> starts;         // (sequences + 1,) from the run's first token
    int first_row;                   // of the batch's rows
    std::vector<std::int32_t> rows;  // tokens whose logits are wanted, from the first token
};

// All sequences in order; a run has at most run_tokens tokens, or one sequence.
std::vector<Run> cut_runs(const TokenBatch& batch, int run_tokens);

// Of one layer, over the tokens of one run.
struct LayerActivations {
    std::vector<float> input;       // (tokens, D) the residual before attention
    std::vector<float> qkv;         // (tokens, W) before norm and rotation
    std::vector<float> mixed;       // (tokens, H*head) attention's output
    std::vector<float> log_totals;  // (tokens, H)
    std::vector<float> middle;      // (tokens, D) the residual before the MLP
    std::vector<float> gate_up;     // (tokens, 2F)
};

// Between two operations, over the tokens of one run.
struct RunBuffers {
    std::vector<float> normed;   // (tokens, D)
    std::vector<float> heads;    // (tokens, W)
    std::vector<float> product;  // (tokens, F)
    // The way back alone.
    std::vector<float> d_residual;  // (tokens, D)
    std::vector<float> d_normed;    // (tokens, D)
    std::vector<float> d_mixed;     // (tokens, H*head)
    std::vector<float> d_heads;     // (tokens, W)
    std::vector<float> d_product;   // (tokens, F)
    std::vector<float> d_gate_up;   // (tokens, 2F)
};

// At the end of the layers. rows: of the run; C: columns of the logits.
struct HeadBuffers {
    std::vector<float> rows;      // (rows, D) the residual where logits are wanted
    std::vector<float> normed;    // (rows, D)
    std::vector<float> d_normed;  // (rows, D)
    std::vector<float> logits;    // (rows of one chunk, C)
    std::vector<float> d_logits;  // (rows of one chunk, C)
    // Of the columns, when they are not all.
    std::vector<Bf16> words;       // (C, D)
    std::vector<float> gradients;  // (C, D)
};

struct Activations {
    std::vector<Run> runs;
    std::vector<int> positions;  // (T,) of each token in its sequence
    RopeTable table;
    std::vector<LayerActivations> layers;
    // Recomputing: qkv, middle and gate_up of the layer at hand, in place of each layer's own.
    LayerActivations shared;
    std::vector<float> output;  // (tokens, D) the residual after the last layer
    RunBuffers buffers;
    HeadBuffers head;
};

// Vectors only grow: a later, smaller batch uses their beginning.
void reach(std::vector<float>& values, std::size_t rows, int width);

// Stops the program when the batch is not one of this model.
void check_batch(const ModelConfig& config, const TokenBatch& batch);

// Cuts the batch and makes room. goes_back: for the way back, too.
void prepare(const ModelConfig& config, const TokenBatch& batch, const Backend& backend,
             bool recompute, bool goes_back, Activations& kept);

}  // namespace dws
