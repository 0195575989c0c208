#include "trainer_bridge/gradient_array.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <vector>

namespace dws {
namespace {

constexpr std::size_t kBlock = 64 * 1024;  // of one thread at a time, summed by itself
constexpr std::size_t kSums = 16;          // side by side: one sum would wait for each addition

std::size_t blocks_of(std::size_t count) { return (count + kBlock - 1) / kBlock; }

template <class Number>
std::span<Number> block_of(std::span<Number> numbers, std::size_t block) {
    const std::size_t first = block * kBlock;
    return numbers.subspan(first, std::min(kBlock, numbers.size() - first));
}

double block_squares(std::span<const float> numbers) {
    std::array<double, kSums> sums{};
    std::size_t i = 0;
    for (; i + kSums <= numbers.size(); i += kSums) {
        for (std::size_t lane = 0; lane < kSums; ++lane) {
            const auto number = static_cast<double>(numbers[i + lane]);
            sums[lane] += number * number;
        }
    }
    for (; i < numbers.size(); ++i) {
        sums[0] += static_cast<double>(numbers[i]) * static_cast<double>(numbers[i]);
    }
    return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace

void set_zero(std::span<float> gradients, int threads) {
    const std::size_t blocks = blocks_of(gradients.size());
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && blocks > 1)
    for (std::size_t block = 0; block < blocks; ++block) {
        std::ranges::fill(block_of(gradients, block), 0.0f);
    }
}

double sum_of_squares(std::span<const float> gradients, int threads) {
    std::vector<double> sums(blocks_of(gradients.size()));
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && sums.size() > 1)
    for (std::size_t block = 0; block < sums.size(); ++block) {
        sums[block] = block_squares(block_of(gradients, block));
    }
    return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace dws
