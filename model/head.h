// The end of the model: the last norm and the product with the head, for the rows of a run where
// logits are wanted; and the way back from there.
#pragma once

#include <span>

#include "model/backward.h"
#include "model/layer_forward.h"

namespace dws {

// All logits of the run's rows. logits: (R, V) of the batch.
void head_logits(const Pass& pass, const Run& run, std::span<float> logits);

// Logits, loss and the way back, some rows at a time: the logits of all rows would be the largest
// array of the pass (512 rows of 151,936 columns are 0.3 GB).
class HeadPass {
public:
    // gradients: (elements,). Nothing is owned, all outlives this.
    HeadPass(const Pass& pass, const PassOptions& options, const LossChunk& loss,
             std::span<float> gradients);

    // From the run's output to d_residual after the last layer.
    void run(const Run& run);
    // After the last run: what columns have gathered goes to their rows of the head's gradient.
    void finish();

private:
    bool has_all_columns() const { return options_.columns.empty(); }
    void run_chunk(const Run& run, int first, int rows);

    const Pass& pass_;
    const PassOptions& options_;
    const LossChunk& loss_;
    const std::span<float> gradients_;
    int columns_;            // C
    WeightMatrix head_;      // (C, D)
    GradientMatrix d_head_;  // (C, D)
};

}  // namespace dws
