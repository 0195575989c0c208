// One training step of this project at a model's size, in phases: forward, head and loss, backward,
// AdamW that also encodes what changed: all that NativeTrainer does between games and publisher.
#pragma once

#include <cstdint>
#include <vector>

#include "experiments/model_speed/backends.h"
#include "experiments/model_speed/timed_backend.h"
#include "model/forward.h"
#include "sync/array_table.h"
#include "sync/codec/step_encoder.h"
#include "trainer_bridge/adamw_cpu.h"
#include "trainer_bridge/batch.h"

namespace dws {

// Wall-clock seconds but for cpu_s, which is of the processor, over all threads.
struct StepTimes {
    double forward_s = 0;    // to the residual after the last layer
    double head_loss_s = 0;  // logits, loss and its gradient by them
    double backward_s = 0;   // the head's product included
    double optimizer_s = 0;  // with the gradient's norm
    double total_s = 0;      // with what stands between the phases
    double cpu_s = 0;
    WorkTimes work;  // of the passes, but for the loss
};

// What two settings of one trial may differ in.
struct StepSetting {
    int threads;
    bool recompute;
};

class TrainingTrial {
public:
    // One sequence of so many random tokens, every one of which is predicted. max_threads: of any
    // step.
    TrainingTrial(const ModelConfig& model, int tokens, int max_threads);

    // learning_rate is 1e-6: the share of words that change is that of fine-tuning.
    StepTimes step(const StepSetting& form);

private:
    const ModelConfig model_;
    const ArrayTable table_;
    Backends backends_;
    AdamWState state_;
    TrainingBatch batch_;
    std::vector<float> gradients_;  // (elements,)
    const ActivationsPointer activations_;
    StepEncoder encoder_;
    std::int64_t steps_ = 0;
};

}  // namespace dws
