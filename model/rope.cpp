#include "model/rope.h"

#include <cmath>

namespace dws {

// Frequency and angle are rounded to fp32 as Hugging Face does; position 1000 would otherwise
// differ by 1e-4 in the angle.
void RopeTable::grow(const ModelConfig& config, int wanted) {
    const int half = config.head_size / 2;
    for (; positions < wanted; ++positions) {
        for (int i = 0; i < half; ++i) {
            const double exponent = -2.0 * i / config.head_size;
            const float frequency =
                static_cast<float>(std::pow(static_cast<double>(config.rope_theta), exponent));
            const float angle = static_cast<float>(positions) * frequency;
            cosines.push_back(static_cast<float>(std::cos(static_cast<double>(angle))));
            sines.push_back(static_cast<float>(std::sin(static_cast<double>(angle))));
        }
    }
}

}  // namespace dws
