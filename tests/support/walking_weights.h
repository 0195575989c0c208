// Weights on the way an optimizer takes them: fp32 masters that each step moves by about one
// learning rate, directions that turn slowly, rounded to bf16. Which words change together, and
// how often one changes again, is what makes folds worth writing or not.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "sync/words.h"
#include "tests/support/random_arrays.h"

namespace dws {

// bf16 of the nearest even, for finite values.
inline std::uint16_t rounded_to_bf16(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    return static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

class WalkingWeights {
public:
    // A table of one array of bf16. Weights are Gaussian with standard deviation 0.02.
    WalkingWeights(const ArrayTable& table, float learning_rate, std::uint64_t seed)
        : learning_rate_(learning_rate), random_(seed) {
        std::normal_distribution<float> weight(0, 0.02f);
        for (std::uint64_t word = 0; word < table.words(); ++word)
            masters_.push_back(weight(random_));
        momenta_.resize(masters_.size());
        words_.resize(table.layout().size_bytes());
        round();
    }

    // Adam without its second moment: momentum 0.9 of noise around a slowly turning signal.
    const Bytes& step() {
        const float signal = 0.3f * std::sin(0.02f * static_cast<float>(++steps_));
        for (std::size_t word = 0; word < masters_.size(); ++word) {
            const std::uint64_t bits = random_();
            // The sum of four uniform numbers is near enough to a Gaussian one.
            const float noise =
                (static_cast<float>(bits & 0xffff) + static_cast<float>(bits >> 16 & 0xffff) +
                 static_cast<float>(bits >> 32 & 0xffff) + static_cast<float>(bits >> 48)) /
                    37'837.0f -
                3.464f;
            const float own = (word * 0x9e3779b97f4a7c15u >> 63) != 0 ? signal : -signal;
            momenta_[word] = 0.9f * momenta_[word] + 0.1f * (noise + own);
            masters_[word] -= learning_rate_ * momenta_[word] / 0.23f;  // its standard deviation
        }
        round();
        return words_;
    }

    const Bytes& words() const { return words_; }

private:
    void round() {
        for (std::size_t word = 0; word < masters_.size(); ++word)
            store_word(words_.data() + 2 * word, rounded_to_bf16(masters_[word]));
    }

    const float learning_rate_;
    Random random_;
    int steps_ = 0;
    std::vector<float> masters_;
    std::vector<float> momenta_;
    Bytes words_;
};

}  // namespace dws
