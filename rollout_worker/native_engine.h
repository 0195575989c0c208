// The engine that is ours: continuous batching over the model's decode(). Every slot holds one
// sequence; a sequence that waits for its environment keeps its keys and values and costs nothing.
//
// Keys and values lie in pages of one pool. A sequence holds what its tokens need, and shares the
// pages of a beginning that it has in common with another one, whichever that is (see
// boundary_plan.h): games of one group hold their prompt once, and only the first computes it.
// Sharing changes neither tokens nor log-probabilities: only keys and values of the weights in use
// are shared. A sequence is let in only when the pool holds all that it and the others may still
// come to need, so it never runs out midway.
//
// It reads the weights where they lie and never writes them: a commit changes the words between
// two calls of advance(), and set_weights() says which version they are now, and where.
#pragma once

#include <optional>
#include <unordered_map>

#include "model/backend.h"
#include "model/decode.h"
#include "rollout_worker/boundary_plan.h"
#include "rollout_worker/engine.h"

namespace dws {

class NativeEngine : public Engine {
public:
    // backend is not owned and outlives this.
    NativeEngine(const ModelConfig& config, Backend& backend, EngineOptions options);

    bool has_room() const override;
    // Requires room for a new sequence, a context that goes on from what the sequence holds, and
    // context + new_tokens within the capacity. Not again before its completion came.
    void submit(GenerateRequest request) override;
    void release(std::uint64_t sequence) override;
    // Nothing may be in flight before the first set_weights(): there are no weights yet.
    std::vector<Completion> advance() override;
    std::size_t in_flight() const override;
    // Of the pool, held by nobody.
    std::size_t free_pages() const { return cache_.free_pages(); }
    // KvPolicy::recompute: computes all cached keys and values again, with the new weights; those
    // that sequences share once.
    // words: (elements,) of weight_layout(config).
    void set_weights(std::span<const Bf16> words, std::int64_t version,
                     std::int64_t trainer_step) override;

private:
    struct Slot {
        std::vector<std::int32_t> tokens;  // of the sequence; the cache holds a prefix of them
        std::uint64_t seed = 0;
        int remaining = 0;            // tokens still to sample for the request in flight; 0: none
        std::int64_t cached_by = -1;  // which of the weights computed the first cached token
        Completion completion;
    };

    Slot& slot_for(std::uint64_t sequence);
    PlannedSequence planned(std::size_t slot, std::size_t wanted, bool is_sampling) const;
    // Shares and computes what the steps say; sequences are those of order_. Fills logprobs_.
    void run(std::span<const BoundaryStep> steps);
    void take_sample(Slot& slot, std::span<const float> logprobs) const;
    void recompute();

    const ModelConfig config_;
    std::span<const Bf16> words_;
    Backend& backend_;
    const EngineOptions options_;
    const std::vector<std::int32_t> allowed_;  // (A,) never empty
    KvCache cache_;
    DecodeBuffers buffers_;
    std::vector<float> logits_;    // (R, V) of the last decode: inputs that wanted logits
    std::vector<float> logprobs_;  // (R, A)
    std::vector<std::optional<Slot>> slots_;
    std::unordered_map<std::uint64_t, std::size_t> slot_of_;  // sequence -> index into slots_
    std::vector<std::size_t> order_;  // slots in use, in the order their sequences came
    std::int64_t version_ = -1;
    // Counts set_weights(): a version may come twice, the first time damaged.
    std::int64_t weights_ = 0;
    std::int64_t trainer_step_ = 0;
};

}  // namespace dws
