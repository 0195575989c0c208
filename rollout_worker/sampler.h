// Draws one token from the log-probabilities of those that are allowed.
#pragma once

#include <cstddef>
#include <span>

namespace dws {

// logprobs: (A,), at least one; see model/logprob.h. uniform in [0, 1): the index whose stretch of
// the cumulative distribution it falls into.
std::size_t sample(std::span<const float> logprobs, double uniform);

}  // namespace dws
