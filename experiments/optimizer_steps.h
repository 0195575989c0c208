// What one optimizer step of reinforcement learning does to bf16 weights, made up but reproducible:
// Gaussian weights with uneven rows and columns, gradients of low rank plus noise plus a slowly
// turning signal, AdamW on fp32 masters that start exactly on the bf16 grid. For measuring codecs;
// no learning happens here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/tensor_layout.h"

namespace dws {

struct StepScenario {
    double learning_rate;
    int steps;            // the last of them is the one between base and next
    double signal = 0.1;  // strength of the slowly turning mean against noise of 1
    std::uint64_t seed = 1;
};

// Changes 0.9 % of the words: what public traces of GRPO at this learning rate show.
inline constexpr StepScenario kScenarioA1{.learning_rate = 1e-6, .steps = 240};
// Changes 2.2 %.
inline constexpr StepScenario kScenarioA3{.learning_rate = 3e-6, .steps = 60};

// From 0.1 to 10 % of the words, by learning rate: 0.09, 0.28, 0.9, 2.3, 4, 6, 10. Slow ones take
// more steps: masters start on the grid, and at first only few have come near a rounding boundary.
inline constexpr StepScenario kDensitySweep[] = {
    {.learning_rate = 1e-7, .steps = 240}, {.learning_rate = 3e-7, .steps = 240},
    {.learning_rate = 1e-6, .steps = 240}, {.learning_rate = 3e-6, .steps = 60},
    {.learning_rate = 6e-6, .steps = 60},  {.learning_rate = 1e-5, .steps = 60},
    {.learning_rate = 1.8e-5, .steps = 60}};

struct StepPair {
    TensorLayout layout;
    Bytes base;  // both in the layout
    Bytes next;
};

// One decoder layer of hidden size 1024 and 2,048 rows of its embedding: 17.8 million words; the
// same layer `copies` times over. Takes some ten seconds and 0.3 GB besides the result.
StepPair simulate_step(const StepScenario& scenario, std::size_t copies);

}  // namespace dws
