// The models that are measured. Weights are random: time does not depend on them.
#pragma once

#include "model/config.h"

namespace dws {

// The published sizes of Qwen3-0.6B; 28 layers are all, fewer are a sample of it.
ModelConfig qwen3_0_6b(int layers);

// Small enough to try every measurement in seconds; its numbers mean nothing.
ModelConfig small_model();

}  // namespace dws
