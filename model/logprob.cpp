#include "model/logprob.h"

#include <cmath>
#include <vector>

#include "base/require.h"
#include "model/lanes.h"

namespace dws {
namespace {

// scaled: (A,) logits / temperature. A row's result depends on its own numbers only.
void log_softmax_row(std::span<const float> scaled, std::span<float> logprobs) {
    float largest = scaled[0];
    for (const float value : scaled) largest = value > largest ? value : largest;
    Lanes sums = broadcast(0);
    for (std::size_t a = 0; a < scaled.size(); a += kLanes) {
        const std::size_t count = std::min(kLanes, scaled.size() - a);
        const Lanes powers = exp(load_part(scaled.data() + a, count) - largest);
        sums += keep_first(powers, count, 0);
    }
    const float log_total = largest + std::log(sum(sums));
    for (std::size_t a = 0; a < scaled.size(); ++a) logprobs[a] = scaled[a] - log_total;
}

}  // namespace

void log_softmax(std::span<const float> logits, int vocab_size,
                 std::span<const std::int32_t> allowed, float temperature,
                 std::span<float> logprobs) {
    require(vocab_size > 0 && !allowed.empty() && temperature > 0, "log_softmax: sizes");
    const std::size_t width = static_cast<std::size_t>(vocab_size);
    const std::size_t rows = logits.size() / width;
    require(logits.size() == rows * width && logprobs.size() == rows * allowed.size(),
            "log_softmax: logits are (rows, V), logprobs (rows, A)");
    for (const std::int32_t token : allowed) {
        require(token >= 0 && token < vocab_size,
                "log_softmax: an allowed token is in the vocabulary");
    }
    std::vector<float> scaled(allowed.size());
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t a = 0; a < allowed.size(); ++a) {
            scaled[a] = logits[row * width + static_cast<std::size_t>(allowed[a])] / temperature;
        }
        log_softmax_row(scaled, logprobs.subspan(row * allowed.size(), allowed.size()));
    }
}

}  // namespace dws
