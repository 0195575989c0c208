// What is done to the gradients of a whole model beside adding to them. At 0.6 billion weights each
// pass is 2.4 GB, so threads share it: about 0.1 s with two.
#pragma once

#include <span>

namespace dws {

void set_zero(std::span<float> gradients, int threads);

// In fp64. The result does not depend on `threads`.
double sum_of_squares(std::span<const float> gradients, int threads);

}  // namespace dws
