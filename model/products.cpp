#include "model/products.h"

#include "base/require.h"

namespace dws {
namespace {

constexpr int kAutomaticHiddenSize = 512;

}  // namespace

Products products_named(std::string_view name, const ModelConfig& config) {
    require(name == "fp32" || name == "bf16" || name == "auto", "model.products is one of three");
    if (name == "auto") {
        return config.hidden_size >= kAutomaticHiddenSize ? Products::bf16 : Products::fp32;
    }
    return name == "bf16" ? Products::bf16 : Products::fp32;
}

}  // namespace dws
