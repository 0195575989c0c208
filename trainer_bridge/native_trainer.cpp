#include "trainer_bridge/native_trainer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/require.h"
#include "model/backward.h"
#include "model/products.h"
#include "trainer_bridge/cross_entropy.h"
#include "trainer_bridge/gradient_array.h"

namespace dws {
namespace {

ArrayTable table_of(const ModelConfig& model) {
    Result<ArrayTable> table = ArrayTable::make(weight_layout(model));
    require(static_cast<bool>(table), "a model's weights are bf16 arrays");
    return std::move(*table);
}

double rows_of(std::span<const TrainingBatch> batches) {
    double rows = 0;
    for (const TrainingBatch& batch : batches) rows += static_cast<double>(batch.targets.size());
    return rows;
}

std::int64_t inputs_of(std::span<const TrainingBatch> batches) {
    std::size_t tokens = 0;
    for (const TrainingBatch& batch : batches) tokens += batch.input.tokens.size();
    return static_cast<std::int64_t>(tokens);
}

std::int64_t games_of(std::span<const GameGroup> groups) {
    std::size_t games = 0;
    for (const GameGroup& group : groups) games += group.games.size();
    return static_cast<std::int64_t>(games);
}

// From 0, reaching 1 with step `warmup`.
double warmup_factor(std::int64_t step, std::int64_t warmup) {
    if (step >= warmup) return 1;
    return static_cast<double>(step + 1) / static_cast<double>(warmup);
}

}  // namespace

NativeTrainer::NativeTrainer(const ModelConfig& model, std::vector<float> initial,
                             const TrainerSection& options, Encoding encoding, Products products)
    : model_(model),
      options_(options),
      encoding_(encoding),
      advantage_mode_(advantage_mode(options.advantage)),
      grpo_{correction(options.correction), options.ratio_max, options.ratio_clip},
      table_(table_of(model)),
      backend_(make_cpu_backend(static_cast<int>(options.threads), products)),
      activations_(make_activations()),
      state_(std::move(initial)),
      gradients_(state_.master.size()) {}

std::span<const std::byte> NativeTrainer::published_words() const {
    return std::as_bytes(std::span(state_.published)).first(layout().size_bytes());
}

void NativeTrainer::restore(std::span<const std::byte> words, std::int64_t trainer_step) {
    require(words.size() == layout().size_bytes(), "a version has the layout's size");
    std::memcpy(state_.published.data(), words.data(), words.size());
    std::ranges::transform(state_.published, state_.master.begin(), from_bf16);
    std::ranges::fill(state_.first_moment, 0.0f);
    std::ranges::fill(state_.second_moment, 0.0f);
    optimizer_steps_ = 0;
    step_number_ = trainer_step;
}

// Nothing is drawn at random: the seed made the initial weights, and that is all.
TrainingState NativeTrainer::training_state() {
    const auto elements = static_cast<std::int64_t>(state_.master.size());
    const auto array = [&](const char* name, DType dtype, auto& values) {
        return TrainingArray{{name, dtype, {elements}}, std::as_writable_bytes(std::span(values))};
    };
    return {.arrays = {array("master", DType::kF32, state_.master),
                       array("first_moment", DType::kF32, state_.first_moment),
                       array("second_moment", DType::kF32, state_.second_moment),
                       array("published", DType::kBF16, state_.published)},
            .step_number = step_number_,
            .optimizer_steps = optimizer_steps_};
}

void NativeTrainer::go_on_from(std::int64_t step_number, std::int64_t optimizer_steps) {
    step_number_ = step_number;
    optimizer_steps_ = optimizer_steps;
}

Result<Done> NativeTrainer::check(const GameGroup& group) const {
    return check_group(group, model_.vocab_size);
}

bool NativeTrainer::can_learn_from(const GameGroup& group) const {
    return !has_no_variance(group, advantage_mode_);
}

double NativeTrainer::imitate(std::span<const GameGroup> groups) {
    std::vector<TrainingBatch> batches = make_batches(groups, {});
    const double tokens = rows_of(batches);
    double loss = 0;
    take_gradients(std::move(batches),
                   [&](const TrainingBatch& batch, RowRange rows, std::span<const float> logits,
                       std::span<float> d_logits) {
                       loss += cross_entropy(batch, tokens, logits, d_logits, rows, threads());
                   });
    const Update next = next_update(imitation_rate(), gradient_norm(), 0);
    adamw_step(table_, next.options, next.step, gradients_, state_, threads());
    return loss;
}

void NativeTrainer::begin_reinforcement() {
    state_.restart();
    optimizer_steps_ = 0;
    step_number_ = 0;
}

StepReport NativeTrainer::learn(std::span<const GameGroup> groups, const StepFormQuestion& form) {
    std::vector<Advantages> advantages;
    for (const GameGroup& group : groups) {
        advantages.push_back(group_advantages(group, advantage_mode_));
    }
    std::vector<TrainingBatch> batches = make_batches(groups, advantages);
    const double tokens = rows_of(batches);
    const std::int64_t inputs = inputs_of(batches);

    const Stopwatch passes;
    GrpoMetrics metrics;
    take_gradients(std::move(batches),
                   [&](const TrainingBatch& batch, RowRange rows, std::span<const float> logits,
                       std::span<float> d_logits) {
                       grpo_loss(grpo_, batch, tokens, logits, d_logits, metrics, rows, threads());
                   });
    const double passes_s = passes.seconds();

    const Stopwatch optimizer;
    const double norm = gradient_norm();
    const double learning_rate = reinforcement_rate();
    StepReport report;
    const Update next = next_update(learning_rate, norm, options_.dead_band);
    if (form() == StepForm::encoded)
        report.encoded =
            adamw_step(table_, next.options, next.step, gradients_, state_, threads(), encoder());
    else
        report.changes = adamw_step(table_, next.options, next.step, gradients_, state_, threads());
    step_number_ += 1;
    report.metrics = {{"loss", metrics.loss},
                      {"grad_norm", norm},
                      {"learning_rate", learning_rate},
                      {"ratio", metrics.ratio},
                      {"kl", metrics.kl},
                      {"entropy", metrics.entropy},
                      {"clip_ratio/region_mean", metrics.at_cap},
                      {"batch/samples_per_step", games_of(groups)},
                      {"batch/trained_tokens_per_step", static_cast<std::int64_t>(tokens)},
                      {"batch/forwarded_tokens_per_step", inputs},
                      {"perf/fwd_bwd_s", passes_s},
                      {"perf/optimizer_s", optimizer.seconds()}};
    return report;
}

void NativeTrainer::take_gradients(std::vector<TrainingBatch> batches, const BatchLoss& loss) {
    set_zero(gradients_, threads());
    for (TrainingBatch& batch : batches) {
        narrow_to_allowed(batch, model_.vocab_size);
        const std::size_t columns = batch.columns.empty()
                                        ? static_cast<std::size_t>(model_.vocab_size)
                                        : batch.columns.size();
        forward_backward(
            model_, state_.published, batch.input, *backend_, *activations_,
            {.recompute = options_.recompute, .columns = batch.columns},
            [&](std::size_t first, std::span<const float> logits, std::span<float> d_logits) {
                loss(batch, {first, logits.size() / columns}, logits, d_logits);
            },
            gradients_);
    }
}

double NativeTrainer::gradient_norm() const {
    const double squares = sum_of_squares(gradients_, threads());
    if (std::isfinite(squares)) return std::sqrt(squares);
    throw std::runtime_error("the gradient of step " + std::to_string(step_number_ + 1) +
                             " is not finite: lower trainer.learning_rate");
}

// Clipping as torch.nn.utils.clip_grad_norm_ does it, with its 1e-6.
NativeTrainer::Update NativeTrainer::next_update(double learning_rate, double gradient_norm,
                                                 double dead_band) {
    optimizer_steps_ += 1;
    return {.options = {options_.beta1, options_.beta2, options_.epsilon, options_.weight_decay,
                        dead_band},
            .step = {optimizer_steps_, learning_rate,
                     std::min(1.0, options_.gradient_clip / (gradient_norm + 1e-6))}};
}

// Made when first asked for: a run of interchange deltas never does.
StepEncoder& NativeTrainer::encoder() {
    if (!encoder_) encoder_.emplace(table_, encoding_, static_cast<std::size_t>(options_.threads));
    return *encoder_;
}

// Linear up over warmup_steps, then linear down to a tenth at the last step.
double NativeTrainer::imitation_rate() const {
    const WarmStartSection& warm = options_.warm_start;
    if (optimizer_steps_ < warm.warmup_steps) {
        return warm.learning_rate * warmup_factor(optimizer_steps_, warm.warmup_steps);
    }
    const double done =
        static_cast<double>(optimizer_steps_ - warm.warmup_steps) /
        static_cast<double>(std::max<std::int64_t>(warm.steps - warm.warmup_steps, 1));
    return warm.learning_rate * (1 - 0.9 * std::min(done, 1.0));
}

double NativeTrainer::reinforcement_rate() const {
    return options_.learning_rate * warmup_factor(optimizer_steps_, options_.lr_warmup_steps);
}

std::unique_ptr<NativeTrainer> make_native_trainer(const Config& config) {
    const ModelConfig model = load_model_config(config.model.config);
    std::vector<float> initial =
        config.model.checkpoint.empty()
            ? initial_weights(model, config.run.seed, init_named(config.model.init),
                              static_cast<int>(config.trainer.threads))
            : load_weights(model, config.model.checkpoint);
    return std::make_unique<NativeTrainer>(model, std::move(initial), config.trainer,
                                           *encoding_named(config.sync.encoding),
                                           products_named(config.model.products, model));
}

}  // namespace dws
