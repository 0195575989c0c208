#include "rollout_worker/sampler.h"

#include <cmath>

#include "base/require.h"

namespace dws {

std::size_t sample(std::span<const float> logprobs, double uniform) {
    require(!logprobs.empty(), "something can be sampled");
    // fp32 log-probabilities sum to 1 within rounding; dividing by their own sum leaves no gap.
    double total = 0;
    for (const float logprob : logprobs) total += std::exp(double{logprob});
    double passed = 0;
    for (std::size_t i = 0; i + 1 < logprobs.size(); ++i) {
        passed += std::exp(double{logprobs[i]});
        if (uniform * total < passed) return i;
    }
    return logprobs.size() - 1;
}

}  // namespace dws
