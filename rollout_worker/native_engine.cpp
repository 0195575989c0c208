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
      cache_(config, options_.slots, options_.capacity_tokens, options_.cache_tokens,
             backend.cached_bytes()),
      slots_(static_cast<std::size_t>(options_.slots)) {
    require(options_.prompt_tokens_max >= 1, "prompts make progress");
}

// A full slot's pages for the new sequence, besides what those in use lack until they are full.
bool NativeEngine::has_room() const {
    if (order_.size() == slots_.size()) return false;
    std::size_t needed = cache_.slot_pages_max();
    for (const std::size_t slot : order_) {
        needed += cache_.slot_pages_max() - cache_.slot_pages(static_cast<int>(slot));
    }
    return needed <= cache_.free_pages();
}

NativeEngine::Slot& NativeEngine::slot_for(std::uint64_t sequence) {
    if (const auto known = slot_of_.find(sequence); known != slot_of_.end()) {
        return *slots_[known->second];
    }
    require(has_room(), "has_room() before a new sequence");
    const auto free = std::ranges::find_if(slots_, [](const auto& slot) { return !slot; });
    const auto index = static_cast<std::size_t>(free - slots_.begin());
    slot_of_.emplace(sequence, index);
    order_.push_back(index);
    return free->emplace();
}

void NativeEngine::submit(GenerateRequest request) {
    Slot& slot = slot_for(request.sequence);
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
    cache_.clear(static_cast<int>(known->second));
    slots_[known->second].reset();
    std::erase(order_, known->second);
    slot_of_.erase(known);
}

std::size_t NativeEngine::in_flight() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        slots_, [](const auto& slot) { return slot && slot->remaining > 0; }));
}

PlannedSequence NativeEngine::planned(std::size_t slot, std::size_t wanted,
                                      bool is_sampling) const {
    const Slot& own = *slots_[slot];
    const auto cached = static_cast<std::size_t>(cache_.length(static_cast<int>(slot)));
    return {own.tokens, cached, wanted, is_sampling, cached == 0 || own.cached_by == weights_};
}

void NativeEngine::run(std::span<const BoundaryStep> steps) {
    std::vector<NewTokens> inputs;
    std::size_t wanting = 0;
    for (const BoundaryStep& step : steps) {
        const std::size_t index = order_[step.sequence];
        const int slot = static_cast<int>(index);
        Slot& own = *slots_[index];
        if (cache_.length(slot) == 0) own.cached_by = weights_;
        if (step.shared_tokens > 0) {
            cache_.share(static_cast<int>(order_[step.lender]), slot,
                         static_cast<int>(step.shared_tokens));
        }
        if (step.tokens == 0) continue;
        const auto first = own.tokens.begin() + cache_.length(slot);
        inputs.push_back(
            {slot, {first, first + static_cast<std::ptrdiff_t>(step.tokens)}, step.wants_logits});
        wanting += step.wants_logits ? 1 : 0;
    }
    logits_.resize(wanting * static_cast<std::size_t>(config_.vocab_size));
    decode(config_, words_, inputs, backend_, cache_, buffers_, logits_);
    logprobs_.resize(wanting * allowed_.size());
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
    std::vector<PlannedSequence> sequences;
    for (const std::size_t slot : order_) {
        const bool is_sampling = slots_[slot]->remaining > 0;
        const auto cached = static_cast<std::size_t>(cache_.length(static_cast<int>(slot)));
        sequences.push_back(
            planned(slot, is_sampling ? slots_[slot]->tokens.size() : cached, is_sampling));
    }
    const std::vector<BoundaryStep> steps =
        plan_boundary(std::move(sequences), static_cast<std::size_t>(options_.prompt_tokens_max));
    if (steps.empty()) return {};
    require(version_ >= 0, "weights are committed before anything is sampled");
    run(steps);

    std::vector<Completion> whole;
    std::span<const float> logprobs = logprobs_;
    for (const BoundaryStep& step : steps) {
        if (!step.wants_logits) continue;
        Slot& slot = *slots_[order_[step.sequence]];
        take_sample(slot, logprobs.first(allowed_.size()));
        logprobs = logprobs.subspan(allowed_.size());
        if (slot.remaining == 0) whole.push_back(std::exchange(slot.completion, {}));
    }
    return whole;
}

void NativeEngine::set_weights(std::span<const Bf16> words, std::int64_t version,
                               std::int64_t trainer_step) {
    words_ = words;
    version_ = version;
    ++weights_;
    trainer_step_ = trainer_step;
    if (options_.kv_policy == KvPolicy::recompute) recompute();
}

// Like prompts, so that memory stays bounded and what was shared is shared again: nobody needs
// more pages than before.
void NativeEngine::recompute() {
    std::vector<std::size_t> lengths;
    for (const std::size_t slot : order_) {
        lengths.push_back(static_cast<std::size_t>(cache_.length(static_cast<int>(slot))));
        cache_.clear(static_cast<int>(slot));
    }
    for (;;) {  // ends: every round computes something of what is left
        std::vector<PlannedSequence> sequences;
        for (std::size_t i = 0; i < order_.size(); ++i) {
            sequences.push_back(planned(order_[i], lengths[i], false));
        }
        const std::vector<BoundaryStep> steps = plan_boundary(
            std::move(sequences), static_cast<std::size_t>(options_.prompt_tokens_max));
        if (steps.empty()) return;
        run(steps);
    }
}

}  // namespace dws
