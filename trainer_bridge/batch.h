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

// What decode_group() admits and no game of ours comes near. A game is never split, so a pass keeps
// the activations of all its tokens, and attention's work grows with the square of their number. A
// sampler never draws a token of probability e^-100, and with rewards below 1e6 squares stay far
// from the end of fp32.
inline constexpr std::size_t kMaxGameTokens = 4'096;
inline constexpr float kMaxReward = 1e6f;
inline constexpr float kMinLogprob = -100;

// Games are cut into batches of about this many input tokens, so that memory does not grow with the
// number of games in a step.
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
    // (C,) ascending. Empty: logits are (R, V) and tokens are tokens. Otherwise logits are (R, C),
    // and targets and allowed tokens are indices into these.
    std::vector<std::int32_t> columns = {};
};

// Some of a batch's rows, as a loss gets their logits.
struct RowRange {
    std::size_t first = 0;
    std::size_t count = SIZE_MAX;  // more than there are: all from `first` on
};
RowRange rows_within(const TrainingBatch& batch, RowRange range);  // exactly those there are

// Whether learning from the group is safe at all, whoever wrote it. Fault::corrupt names the first
// thing wrong: what decode_group() refuses, tokens outside the vocabulary, sampled tokens that were
// not allowed, a game without any, and numbers beyond the limits above.
Result<Done> check_group(const GameGroup& group, std::int32_t vocab_size);

// groups have passed check_group(); advantages: one for each group, or empty for demonstrations.
// A game's input ends before its last sampled token: what follows teaches nothing.
std::vector<TrainingBatch> make_batches(std::span<const GameGroup> groups,
                                        std::span<const Advantages> advantages);

// Asks for the logits of those tokens alone that some rule of the batch allows; nothing to do where
// a rule allows all, or the rules together more than a quarter of the vocabulary: gathering so many
// rows of the head costs what it saves. The policy is the same: a token that is not allowed has no
// part in it. With 26 of 151,936 tokens the head's products cost nothing, which are a third of a
// step otherwise.
void narrow_to_allowed(TrainingBatch& batch, std::int32_t vocab_size);

}  // namespace dws
