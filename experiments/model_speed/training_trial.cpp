#include "experiments/model_speed/training_trial.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "base/clock.h"
#include "base/require.h"
#include "experiments/bench_clock.h"
#include "model/backward.h"
#include "trainer_bridge/cross_entropy.h"
#include "trainer_bridge/gradient_array.h"

namespace dws {
namespace {

constexpr double kLearningRate = 1e-6;
constexpr double kMaxNorm = 1;  // of the gradient, as torch_step.py clips it
constexpr std::uint64_t kSeed = 1;

ArrayTable table_of(const ModelConfig& model) {
    Result<ArrayTable> table = ArrayTable::make(weight_layout(model));
    require(static_cast<bool>(table), "a model's weights are bf16 arrays");
    return std::move(*table);
}

TrainingBatch random_batch(const ModelConfig& model, int tokens) {
    std::mt19937_64 random(kSeed);
    std::uniform_int_distribution<std::int32_t> token(0, model.vocab_size - 1);
    TrainingBatch batch;
    for (int position = 0; position < tokens; ++position) {
        batch.input.tokens.push_back(token(random));
        batch.input.rows.push_back(position);
        batch.targets.push_back(token(random));
    }
    batch.input.starts = {0, tokens};
    const std::size_t rows = batch.targets.size();
    batch.behaviour_logprobs.resize(rows);
    batch.advantages.resize(rows);
    batch.rule_of_row.resize(rows);
    batch.rules.emplace_back();  // every token is allowed
    return batch;
}

}  // namespace

TrainingTrial::TrainingTrial(const ModelConfig& model, int tokens, int max_threads)
    : model_(model),
      table_(table_of(model)),
      state_(initial_weights(model, kSeed, Init::trained, max_threads)),
      batch_(random_batch(model, tokens)),
      gradients_(state_.master.size()),
      activations_(make_activations()),
      encoder_(table_, Encoding::smallest, static_cast<std::size_t>(max_threads)) {}

StepTimes TrainingTrial::step(const StepSetting& form) {
    TimedBackend backend(backends_.with(form.threads), model_.vocab_size);
    StepTimes times;
    const double processor_s = processor_seconds();
    const Stopwatch total;

    set_zero(gradients_, form.threads);
    double loss_s = 0;
    const double rows = static_cast<double>(batch_.targets.size());
    const std::size_t vocabulary = static_cast<std::size_t>(model_.vocab_size);
    const LossChunk loss = [&](std::size_t first_row, std::span<const float> logits,
                               std::span<float> d_logits) {
        const Stopwatch stopwatch;
        cross_entropy(batch_, rows, logits, d_logits, {first_row, logits.size() / vocabulary},
                      form.threads);
        loss_s += stopwatch.seconds();
    };
    forward_backward(model_, state_.published, batch_.input, backend, *activations_,
                     {.recompute = form.recompute}, loss, gradients_);
    times.work = backend.times();
    const double head_s = times.work.forward(Work::head);
    times.forward_s = times.work.all_forward_s() - head_s;
    times.head_loss_s = head_s + loss_s;
    times.backward_s = times.work.all_backward_s();

    const Stopwatch optimizer;
    steps_ += 1;
    const double norm = std::sqrt(sum_of_squares(gradients_, form.threads));
    adamw_step(table_, {},
               {.number = steps_,
                .learning_rate = kLearningRate,
                .gradient_scale = std::min(1.0, kMaxNorm / norm)},
               gradients_, state_, form.threads, encoder_);
    times.optimizer_s = optimizer.seconds();
    times.total_s = total.seconds();
    times.cpu_s = processor_seconds() - processor_s;
    return times;
}

}  // namespace dws
