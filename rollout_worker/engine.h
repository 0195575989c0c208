// An inference engine, as the worker needs it: token sequences in, sampled tokens with their
// log-probabilities out, and weights that change only between two calls of advance().
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/weights.h"

namespace dws {

// One stretch of sampling. The context only grows: each request of a sequence starts with all
// tokens of the one before and what it sampled.
struct GenerateRequest {
    std::uint64_t sequence = 0;         // the caller's name for it
    std::vector<std::int32_t> context;  // all tokens so far
    int new_tokens = 1;                 // how many to sample
    std::uint64_t seed = 0;             // same seed, context, weights: same draws (rounding aside)
};

struct Completion {
    std::uint64_t sequence = 0;
    std::vector<std::int32_t> tokens;    // (new_tokens,)
    std::vector<float> logprobs;         // (new_tokens,) after temperature and allowed set
    std::vector<std::int64_t> versions;  // (new_tokens,) of the weights that sampled each
    std::vector<std::int64_t> steps;     // (new_tokens,) their trainer step
};

// What a commit does to keys and values computed by older weights.
enum class KvPolicy { keep, recompute };

struct EngineOptions {
    int slots = 64;            // sequences in flight at once
    int capacity_tokens = 64;  // longest context with its new tokens
    int cache_tokens = 0;      // of all sequences together; 0: all may be full
    // Tokens of prompts computed at one boundary. More: prompts are done sooner and cheaper; fewer:
    // those who only wait for their next token wait less.
    int prompt_tokens_max = 256;
    std::vector<std::int32_t> allowed_tokens;  // sampling is restricted to; empty: all
    float temperature = 1;
    KvPolicy kv_policy = KvPolicy::keep;
};

class Engine {
public:
    virtual ~Engine() = default;

    // True when one more sequence can be opened.
    virtual bool has_room() const = 0;
    // Opens the sequence or goes on with it.
    virtual void submit(GenerateRequest request) = 0;
    // Forgets the sequence and frees its slot.
    virtual void release(std::uint64_t sequence) = 0;
    // One token boundary: every request in flight gains one token, unless its prompt is not
    // computed yet. Those that are whole.
    virtual std::vector<Completion> advance() = 0;
    virtual std::size_t in_flight() const = 0;

    // What advance() samples with from now on: the model's words, not owned, where they lie. Called
    // after a commit, between two calls of advance(); keys and values are treated by the policy.
    virtual void set_weights(std::span<const Bf16> words, std::int64_t version,
                             std::int64_t trainer_step) = 0;
};

}  // namespace dws
