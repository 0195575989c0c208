#include "model/products.h"

#include <stdexcept>

#include "base/require.h"

namespace dws {
namespace {

constexpr int kAutomaticHiddenSize = 512;

}  // namespace

Products products_named(std::string_view name, const ModelConfig& config, bool has_unit) {
    require(name == "fp32" || name == "bf16" || name == "auto", "model.products is one of three");
    if (name == "auto") {
        const bool is_large = config.hidden_size >= kAutomaticHiddenSize;
        return is_large && has_unit ? Products::bf16 : Products::fp32;
    }
    if (name == "bf16" && !has_unit)
        throw std::runtime_error(
            "model.products: this processor has no unit for bf16 (AMX); set fp32 or auto");
    return name == "bf16" ? Products::bf16 : Products::fp32;
}

const char* name_of(Products products) { return products == Products::bf16 ? "bf16" : "fp32"; }

}  // namespace dws
