// The engine that is ours: continuous batching over the model's decode(). Every slot holds one
// sequence; a sequence that waits for its environment keeps its keys and values and costs nothing.
//
// It reads the weights where they lie and never writes them: a commit changes the words between
// two calls of advance(), and set_weights() says which version they are now, and where.
#pragma once

#include <optional>
#include <unordered_map>

#include "model/backend.h"
#include "model/decode.h"
#include "rollout_worker/engine.h"

namespace dws {

class NativeEngine : public Engine {
public:
    // backend is not owned and outlives this.
    NativeEngine(const ModelConfig& config, Backend& backend, EngineOptions options);

    bool has_room() const override { return slot_of_.size() < slots_.size(); }
    // Requires room for a new sequence, a context that goes on from what the sequence holds, and
    // context + new_tokens within the capacity. Not again before its completion came.
    void submit(GenerateRequest request) override;
    void release(std::uint64_t sequence) override;
    // Nothing may be in flight before the first set_weights(): there are no weights yet.
    std::vector<Completion> advance() override;
    std::size_t in_flight() const override;
    // KvPolicy::recompute: computes all cached keys and values again, with the new weights.
    // words: (elements,) of weight_layout(config).
    void set_weights(std::span<const Bf16> words, std::int64_t version,
                     std::int64_t trainer_step) override;

private:
    struct Slot {
        std::vector<std::int32_t> tokens;  // of the sequence; the cache holds a prefix of them
        std::uint64_t seed = 0;
        int remaining = 0;  // tokens still to sample for the request in flight; 0: none
        Completion completion;
    };

    std::size_t slot_for(std::uint64_t sequence);
    // The first token not cached, and all up to `end`.
    NewTokens uncached(std::size_t slot, std::size_t end) const;
    // Fills logits_ and logprobs_.
    void run_decode(std::span<const NewTokens> inputs);
    void take_sample(Slot& slot, std::span<const float> logprobs) const;

    const ModelConfig config_;
    std::span<const Bf16> words_;
    Backend& backend_;
    const EngineOptions options_;
    const std::vector<std::int32_t> allowed_;  // (A,) never empty
    KvCache cache_;
    DecodeBuffers buffers_;
    std::vector<float> logits_;    // (inputs, V) of the last decode
    std::vector<float> logprobs_;  // (inputs, A)
    std::vector<std::optional<Slot>> slots_;
    std::unordered_map<std::uint64_t, std::size_t> slot_of_;  // sequence -> index into slots_
    std::int64_t version_ = -1;
    std::int64_t trainer_step_ = 0;
};

}  // namespace dws
