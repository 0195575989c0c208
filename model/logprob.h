// Log-probabilities of the tokens a game allows: the sampler draws from them and the trainer's
// loss is made of them, so both ask this one function.
#pragma once

#include <cstdint>
#include <span>

namespace dws {

// logits: (rows, V). allowed: (A,) distinct token ids; empty: all, A = V. temperature: above 0.
// logprobs: (rows, A), overwritten: log_softmax of logits / temperature over the allowed tokens
// alone; column a belongs to allowed[a]. The same logits give the same bits in every process.
void log_softmax(std::span<const float> logits, int vocab_size,
                 std::span<const std::int32_t> allowed, float temperature,
                 std::span<float> logprobs);

}  // namespace dws
