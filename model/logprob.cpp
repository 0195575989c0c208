#include "model/logprob.h"

#include <cmath>

#include "base/require.h"
#include "model/lanes.h"

namespace dws {
namespace {

float largest_of(std::span<const float> values) {
    Lanes largest = broadcast(values[0]);
    for (std::size_t a = 0; a < values.size(); a += kLanes) {
        const std::size_t count = std::min(kLanes, values.size() - a);
        largest =
            maximum(keep_first(load_part(values.data() + a, count), count, values[0]), largest);
    }
    return maximum_of(largest);
}

// values: (A,) logits / temperature, which become log-probabilities. A row's result depends on its
// own numbers only.
void log_softmax_row(std::span<float> values) {
    const float largest = largest_of(values);
    Lanes sums = broadcast(0);
    for (std::size_t a = 0; a < values.size(); a += kLanes) {
        const std::size_t count = std::min(kLanes, values.size() - a);
        const Lanes powers = exp(load_part(values.data() + a, count) - largest);
        sums += keep_first(powers, count, 0);
    }
    const float log_total = largest + std::log(sum(sums));
    for (float& value : values) value -= log_total;
}

}  // namespace

void log_softmax(std::span<const float> logits, int vocab_size,
                 std::span<const std::int32_t> allowed, float temperature,
                 std::span<float> logprobs) {
    require(vocab_size > 0 && temperature > 0, "log_softmax: sizes");
    const std::size_t width = static_cast<std::size_t>(vocab_size);
    const std::size_t columns = allowed.empty() ? width : allowed.size();
    const std::size_t rows = logits.size() / width;
    require(logits.size() == rows * width && logprobs.size() == rows * columns,
            "log_softmax: logits are (rows, V), logprobs (rows, A)");
    for (const std::int32_t token : allowed) {
        require(token >= 0 && token < vocab_size,
                "log_softmax: an allowed token is in the vocabulary");
    }
    for (std::size_t row = 0; row < rows; ++row) {
        const float* from = logits.data() + row * width;
        const std::span<float> to = logprobs.subspan(row * columns, columns);
        for (std::size_t a = 0; a < allowed.size(); ++a) {
            to[a] = from[static_cast<std::size_t>(allowed[a])] / temperature;
        }
        if (allowed.empty()) {
            for (std::size_t a = 0; a < columns; ++a) to[a] = from[a] / temperature;
        }
        log_softmax_row(to);
    }
}

}  // namespace dws
