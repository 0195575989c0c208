#include "rollout_worker/native_engine.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/require.h"
#include "model/logprob.h"
#include "rollout_worker/sampler.h"
#include "rollout_worker/seeds.h"

namespace dws {

namespace {

std::vector<std::int32_t> allowed_or_all(std::vector<std::int32_t> allowed, int vocabulary) {
    if (allowed.empty()) {
        allowed.resize(static_cast<std::size_t>(vocabulary));
        std::iota(allowed.begin(), allowed.end(), 0);
    }
    return allowed;
}

}  // namespace

NativeEngine::NativeEngine(const ModelConfig& config, Backend& backend, EngineOptions options)
    : config_(config),
      backend_(backend),
      options_(std::move(options)),
      allowed_(allowed_or_all(options_.allowed_tokens, config.vocab_size)),
      cache_(config, options_.slots, options_.capacity_tokens),
      slots_(static_cast<std::size_t>(options_.slots)) {}

std::size_t NativeEngine::slot_for(std::uint64_t sequence) {
    if (const auto known = slot_of_.find(sequence); known != slot_of_.end()) return known->second;
    const auto free = std::ranges::find_if(slots_, [](const auto& slot) { return !slot; });
    require(free != slots_.end(), "has_room() before a new sequence");
    free->emplace();
    const auto index = static_cast<std::size_t>(free - slots_.begin());
    cache_.clear(static_cast<int>(index));
    slot_of_.emplace(sequence, index);
    return index;
}

void NativeEngine::submit(GenerateRequest request) {
    Slot& slot = *slots_[slot_for(request.sequence)];
    require(slot.remaining == 0, "one request of a sequence at a time");
    require(request.new_tokens > 0 && !request.context.empty(), "there is something to sample");
    require(request.context.size() + static_cast<std::size_t>(request.new_tokens) <=
                static_cast<std::size_t>(options_.capacity_tokens),
            "context and new tokens fit the capacity");
    require(request.context.size() >= slot.tokens.size() &&
                std::equal(slot.tokens.begin(), slot.tokens.end(), request.context.begin()),
            "the context goes on from what the sequence holds");
    slot.tokens = std::move(request.context);
    slot.seed = request.seed;
    slot.remaining = request.new_tokens;
    slot.completion.sequence = request.sequence;
}

void NativeEngine::release(std::uint64_t sequence) {
    const auto known = slot_of_.find(sequence);
    if (known == slot_of_.end()) return;
    slots_[known->second].reset();
    slot_of_.erase(known);
}

std::size_t NativeEngine::in_flight() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        slots_, [](const auto& slot) { return slot && slot->remaining > 0; }));
}

NewTokens NativeEngine::uncached(std::size_t slot, std::size_t end) const {
    const std::vector<std::int32_t>& tokens = slots_[slot]->tokens;
    const auto index = static_cast<int>(slot);
    return {index,
            {tokens.begin() + cache_.length(index), tokens.begin() + static_cast<long>(end)}};
}

void NativeEngine::run_decode(std::span<const NewTokens> inputs) {
    logits_.resize(inputs.size() * static_cast<std::size_t>(config_.vocab_size));
    decode(config_, words_, inputs, backend_, cache_, buffers_, logits_);
    logprobs_.resize(inputs.size() * allowed_.size());
    log_softmax(logits_, config_.vocab_size, allowed_, options_.temperature, logprobs_);
}

void NativeEngine::take_sample(Slot& slot, std::span<const float> logprobs) const {
    const double uniform = uniform_at(slot.seed, slot.tokens.size());
    const std::size_t choice = sample(logprobs, uniform);
    slot.tokens.push_back(allowed_[choice]);
    slot.completion.tokens.push_back(allowed_[choice]);
    slot.completion.logprobs.push_back(logprobs[choice]);
    slot.completion.versions.push_back(version_);
    slot.completion.steps.push_back(trainer_step_);
    slot.remaining -= 1;
}

std::vector<Completion> NativeEngine::advance() {
    std::vector<NewTokens> inputs;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        if (!slots_[i] || slots_[i]->remaining == 0) continue;
        inputs.push_back(uncached(i, slots_[i]->tokens.size()));
    }
    if (inputs.empty()) return {};
    require(version_ >= 0, "weights are committed before anything is sampled");
    run_decode(inputs);

    std::vector<Completion> whole;
    for (std::size_t row = 0; row < inputs.size(); ++row) {
        Slot& slot = *slots_[static_cast<std::size_t>(inputs[row].slot)];
        take_sample(slot, std::span(logprobs_).subspan(row * allowed_.size(), allowed_.size()));
        if (slot.remaining == 0) whole.push_back(std::exchange(slot.completion, {}));
    }
    return whole;
}

void NativeEngine::set_weights(std::span<const Bf16> words, std::int64_t version,
                               std::int64_t trainer_step) {
    words_ = words;
    version_ = version;
    trainer_step_ = trainer_step;
    if (options_.kv_policy == KvPolicy::keep) return;

    std::vector<NewTokens> inputs;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        const int cached = cache_.length(static_cast<int>(i));
        if (!slots_[i] || cached == 0) continue;
        cache_.clear(static_cast<int>(i));
        inputs.push_back(uncached(i, static_cast<std::size_t>(cached)));
    }
    if (!inputs.empty()) run_decode(inputs);
}

}  // namespace dws
