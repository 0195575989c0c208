// Which kind of matrix products a configuration asks for.
#pragma once

#include <string_view>

#include "model/backend.h"
#include "model/bf16_products.h"

namespace dws {

// name: fp32 | bf16 | auto, as model.products. auto is bf16 where this processor has a unit for it
// and the hidden size is 512 or more: below, rounding and packing operands cost more than the
// faster unit saves. Throws std::runtime_error for bf16 without such a unit.
Products products_named(std::string_view name, const ModelConfig& config,
                        bool has_unit = has_bf16_products());
// "fp32" or "bf16".
const char* name_of(Products products);

}  // namespace dws
