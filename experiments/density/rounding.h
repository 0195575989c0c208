// When an update changes a bf16 word. A word w stands for a master weight within half an ulp of it,
// and changes when the update takes the master across the end of that interval:
//
//   expected   a master anywhere in its interval, evenly: P(change) = min(1, |update| / ulp(w))
//   half ulp   what one would think: the word changes when |update| >= ulp(w) / 2
#pragma once

#include <cmath>
#include <cstdint>

#include "model/weights.h"

namespace dws {

inline constexpr int kExponents = 256;

// The word's biased exponent; 0 for zero and subnormal numbers.
inline int exponent_of(Bf16 word) { return (word >> 7) & 0xff; }

// The distance between neighbouring words of that exponent: bf16 keeps 7 bits behind the first.
inline double ulp_of(int exponent) { return std::ldexp(1.0, (exponent == 0 ? 1 : exponent) - 134); }

inline double expected_change(double update, int exponent) {
    return std::fmin(1.0, std::fabs(update) / ulp_of(exponent));
}
inline bool passes_half_ulp(double update, int exponent) {
    return std::fabs(update) >= ulp_of(exponent) / 2;
}

}  // namespace dws
