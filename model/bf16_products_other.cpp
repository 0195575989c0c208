// Elsewhere than on x86-64 there is no such unit yet.
#include "model/bf16_products.h"

namespace dws {

bool has_bf16_products() { return false; }

std::unique_ptr<Bf16Products> make_bf16_products(int) { return nullptr; }

}  // namespace dws
