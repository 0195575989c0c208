// The trainer of this repository: our model, AdamW on fp32 master weights, GRPO. Its policy is the
// published bf16 copy: workers sample from exactly those words, so the ratio of a
// fresh game is 1 up to rounding.
//
// Memory: 18 bytes a weight (fp32 master, two moments and gradients, bf16 words), whatever a step
// holds, and the activations of one run of sequences (model/activations.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "configs/config.h"
#include "model/backend.h"
#include "model/config.h"
#include "model/forward.h"
#include "model/weights.h"
#include "sync/array_table.h"
#include "sync/codec/encoding.h"
#include "sync/codec/step_encoder.h"
#include "trainer_bridge/adamw_cpu.h"
#include "trainer_bridge/grpo.h"
#include "trainer_bridge/trainer.h"

namespace dws {

class NativeTrainer final : public Trainer {
public:
    // initial: (elements,) of weight_layout(model). encoding: of steps that are to be encoded.
    NativeTrainer(const ModelConfig& model, std::vector<float> initial,
                  const TrainerSection& options, Encoding encoding = Encoding::smallest,
                  Products products = Products::fp32);

    const TensorLayout& layout() const override { return table_.layout(); }
    std::span<const std::byte> published_words() const override;
    TrainingState training_state() override;
    void go_on_from(std::int64_t step_number, std::int64_t optimizer_steps) override;
    // The master becomes the published words widened, the moments start at 0 and so does the
    // learning rate's warm-up. Sound, since the words are the policy; what is lost is the
    // optimizer's memory of some 20 steps and what the dead-band still held back.
    void restore(std::span<const std::byte> words, std::int64_t trainer_step) override;

    std::int64_t step_number() const override { return step_number_; }
    Result<Done> check(const GameGroup& group) const override;
    bool can_learn_from(const GameGroup& group) const override;
    double imitate(std::span<const GameGroup> groups) override;
    void begin_reinforcement() override;
    using Trainer::learn;
    StepReport learn(std::span<const GameGroup> groups, const StepFormQuestion& form) override;

private:
    // Of the rows of one batch; fills d_logits.
    using BatchLoss = std::function<void(const TrainingBatch& batch, RowRange rows,
                                         std::span<const float> logits, std::span<float> d_logits)>;
    // gradients_ of the loss over all batches, under the published words.
    void take_gradients(std::vector<TrainingBatch> batches, const BatchLoss& loss);
    int threads() const { return static_cast<int>(options_.threads); }
    // Throws std::runtime_error when training has diverged.
    double gradient_norm() const;
    // What the optimizer is told; counts its step.
    struct Update {
        AdamWOptions options;
        AdamWStep step;
    };
    Update next_update(double learning_rate, double gradient_norm, double dead_band);
    StepEncoder& encoder();
    double imitation_rate() const;
    double reinforcement_rate() const;

    const ModelConfig model_;
    const TrainerSection options_;
    const Encoding encoding_;
    const AdvantageMode advantage_mode_;
    const GrpoOptions grpo_;
    const ArrayTable table_;
    const std::unique_ptr<Backend> backend_;
    const ActivationsPointer activations_;
    AdamWState state_;
    std::int64_t step_number_ = 0;        // reinforcement steps in the weights
    std::int64_t optimizer_steps_ = 0;    // since the moments were last 0
    std::vector<float> gradients_;        // (elements,) of the step
    std::optional<StepEncoder> encoder_;  // keeps what one step tells of the next
};

// Reads the model's sizes, and its checkpoint or random weights by model.init and run.seed. Throws
// std::runtime_error naming what is wrong with the config.
std::unique_ptr<NativeTrainer> make_native_trainer(const Config& config);

}  // namespace dws
