#include "experiments/model_speed/decode_trial.h"

#include <algorithm>

#include "base/clock.h"
#include "base/require.h"
#include "experiments/bench_clock.h"

namespace dws {
namespace {

// Of a prompt in one pass: bounds the pass's buffers.
constexpr int kPromptTokens = 256;

int growth_of(const DecodeSetting& setting) {
    return (setting.tokens + setting.sequences - 1) / setting.sequences + 1;
}

}  // namespace

DecodeTrial::DecodeTrial(const ModelConfig& model, std::span<const Bf16> words,
                         const DecodeSetting& setting)
    : model_(model),
      words_(words),
      sequences_(setting.sequences),
      cache_(model, setting.sequences, setting.context + growth_of(setting), 0,
             backends_.with(setting.threads).cached_bytes()),
      logits_(static_cast<std::size_t>(setting.sequences) *
              static_cast<std::size_t>(model.vocab_size)) {
    Backend& backend = backends_.with(setting.threads);
    const int prompt = std::max(1, setting.context - growth_of(setting) / 2);
    for (int slot = 0; slot < sequences_; ++slot) {
        for (int done = 0; done < prompt; done += kPromptTokens) {
            const NewTokens part{slot, random_tokens(std::min(kPromptTokens, prompt - done)),
                                 false};
            decode(model_, words_, std::span(&part, 1), backend, cache_, buffers_, {});
        }
    }
}

std::vector<std::int32_t> DecodeTrial::random_tokens(int count) {
    std::uniform_int_distribution<std::int32_t> token(0, model_.vocab_size - 1);
    std::vector<std::int32_t> tokens(static_cast<std::size_t>(count));
    std::ranges::generate(tokens, [&] { return token(random_); });
    return tokens;
}

DecodeTimes DecodeTrial::step(int batch, int threads) {
    require(batch >= 1 && batch <= sequences_, "a step takes sequences that are there");
    TimedBackend backend(backends_.with(threads), model_.vocab_size);
    std::vector<NewTokens> inputs;
    for (int index = 0; index < batch; ++index) {
        inputs.push_back({next_, random_tokens(1)});
        next_ = (next_ + 1) % sequences_;
    }
    const std::span logits = std::span(logits_).first(static_cast<std::size_t>(batch) *
                                                      static_cast<std::size_t>(model_.vocab_size));
    DecodeTimes times;
    const double processor_s = processor_seconds();
    const Stopwatch stopwatch;
    decode(model_, words_, inputs, backend, cache_, buffers_, logits);
    times.step_s = stopwatch.seconds();
    times.cpu_s = processor_seconds() - processor_s;
    times.work = backend.times();
    return times;
}

}  // namespace dws
