// Which kind of matrix products a configuration asks for.
#pragma once

#include <string_view>

#include "model/backend.h"

namespace dws {

// name: fp32 | bf16 | auto, as model.products. auto is bf16 from a hidden size of 512 on: below,
// rounding and packing operands cost more than the faster unit saves.
Products products_named(std::string_view name, const ModelConfig& config);

}  // namespace dws
