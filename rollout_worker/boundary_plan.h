// What every sequence does at one token boundary, decided from tokens and counts alone.
//
// Who has one token to compute computes it: nobody who is sampling waits. Longer stretches
// (prompts, the environment's replies) share a bound on tokens, those who came first first; what
// does not fit is computed at later boundaries. A sequence that begins as another one does takes
// the other's cached tokens instead of computing them, and waits while the other computes them:
// of a group of games, the first computes the prompt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dws {

struct PlannedSequence {
    std::span<const std::int32_t> tokens;  // known so far
    std::size_t cached = 0;                // the first ones, whose keys and values are there
    std::size_t wanted = 0;                // how many are to be there: cached ..= tokens.size()
    bool is_sampling = false;              // a token follows the last wanted one
    bool may_lend = true;                  // what it has cached is of the weights in use
};

struct BoundaryStep {
    std::size_t sequence;       // index into the plan's
    std::size_t lender;         // index; meaningless when nothing is shared
    std::size_t shared_tokens;  // taken from the lender, before anything is computed
    std::size_t tokens;         // computed behind what is cached and shared
    bool wants_logits;          // it samples behind them
};

// sequences: in the order they came. prompt_tokens_max: at least 1. Every sequence that lacks
// something is done after finitely many boundaries: the first of them never waits.
std::vector<BoundaryStep> plan_boundary(std::vector<PlannedSequence> sequences,
                                        std::size_t prompt_tokens_max);

}  // namespace dws
