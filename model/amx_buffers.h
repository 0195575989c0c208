// Memory of the bf16 products that is kept from one product to the next.
#pragma once

#include <cstddef>
#include <vector>

#include "model/weights.h"

namespace dws {

// Begins at a cache line, so that no row of a tile lies across two. It only grows, and growing
// loses what it held.
template <class Number>
class LineArray {
public:
    // At least `count` numbers.
    Number* reach(std::size_t count) {
        const std::size_t needed = (count + kNumbers - 1) / kNumbers;
        if (lines_.size() < needed) lines_ = std::vector<Line>(needed);
        return lines_.empty() ? nullptr : lines_.front().numbers;
    }

private:
    static constexpr std::size_t kNumbers = 64 / sizeof(Number);
    struct alignas(64) Line {
        Number numbers[kNumbers];
    };
    std::vector<Line> lines_;
};

struct AmxThreadBuffers {
    LineArray<Bf16> panels;   // packed by this thread alone
    LineArray<Bf16> words;    // weights of an odd shape, with zeros behind them
    LineArray<float> totals;  // of this thread's blocks
};

struct AmxBuffers {
    explicit AmxBuffers(int threads) : of_thread(static_cast<std::size_t>(threads)) {}

    LineArray<Bf16> panels;  // packed by all threads for all
    std::vector<AmxThreadBuffers> of_thread;
};

}  // namespace dws
