// Game groups as the model wants them: many games laid one after another, and for every sampled
// token the row of logits that predicts it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/forward.h"
#include "sync/games/game_group.h"
#include "trainer_bridge/advantage.h"

namespace dws {

// What decode_group() admits and no game of ours comes near. Attention's memory grows with the
// square of a game's length: 4,096 tokens are 64 MiB per layer and head. A sampler never draws a
// token of probability e^-100, and with rewards below 1e6 squares stay far from the end of fp32.
inline constexpr std::size_t kMaxGameTokens = 4'096;
inline constexpr float kMaxReward = 1e6f;
inline constexpr float kMinLogprob = -100;

// Games are cut into batches of about this many input tokens, so that the activations' memory does
// not grow with the number of games in a step. A game is never split.
inline constexpr std::size_t kBatchTokens = 4'096;

// How the tokens of a group were sampled.
struct SamplingRule {
    std::vector<std::int32_t> allowed_tokens;  // (A,) empty: all
    float temperature = 1;
};

struct TrainingBatch {
    TokenBatch input;                       // T tokens, R rows
    std::vector<std::int32_t> targets;      // (R,) the token that row predicts
    std::vector<float> behaviour_logprobs;  // (R,) under the weights that sampled it
    std::vector<float> advantages;          // (R,) 0 for demonstrations
    std::vector<std::size_t> rule_of_row;   // (R,) index into rules
    std::vector<SamplingRule> rules;
};

// Whether learning from the group is safe at all, whoever wrote it. Fault::corrupt names the first
// thing wrong: what decode_group() refuses, tokens outside the vocabulary, sampled tokens that were
// not allowed, a game without any, and numbers beyond the limits above.
Result<Done> check_group(const GameGroup& group, std::int32_t vocab_size);

// groups have passed check_group(); advantages: one for each group, or empty for demonstrations.
// A game's input ends before its last sampled token: what follows teaches nothing.
std::vector<TrainingBatch> make_batches(std::span<const GameGroup> groups,
                                        std::span<const Advantages> advantages);

}  // namespace dws
