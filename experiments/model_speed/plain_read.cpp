#include "experiments/model_speed/plain_read.h"

#include <cstddef>
#include <cstring>

namespace dws {
namespace {

// 512 bits, a line of cache: 32 words.
using Block = std::uint64_t __attribute__((vector_size(64)));
constexpr std::size_t kBlockWords = sizeof(Block) / sizeof(Bf16);

// Sums of their own, so that an addition does not wait for the one before.
constexpr std::size_t kSums = 4;

Block block_at(const Bf16* words, std::size_t index) {
    Block block;
    std::memcpy(&block, words + index * kBlockWords, sizeof(block));
    return block;
}

Block sum_of_blocks(const Bf16* words, std::size_t blocks, std::size_t ahead_bytes) {
    Block sums[kSums] = {};
    std::size_t i = 0;
    for (; i + kSums <= blocks; i += kSums) {
        for (std::size_t k = 0; k < kSums; ++k) {
            const Bf16* at = words + (i + k) * kBlockWords;
            if (ahead_bytes > 0)
                __builtin_prefetch(reinterpret_cast<const char*>(at) + ahead_bytes);
            sums[k] += block_at(words, i + k);
        }
    }
    for (; i < blocks; ++i) sums[0] += block_at(words, i);
    return sums[0] + sums[1] + sums[2] + sums[3];
}

}  // namespace

std::uint64_t sum_of_words(std::span<const Bf16> words, int threads, std::size_t ahead_bytes) {
    const std::size_t blocks = words.size() / kBlockWords;
    const std::size_t parts = static_cast<std::size_t>(threads);
    std::uint64_t total = 0;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : total)
    for (std::size_t part = 0; part < parts; ++part) {
        const std::size_t first = blocks * part / parts;
        const std::size_t end = blocks * (part + 1) / parts;
        const Block sums =
            sum_of_blocks(words.data() + first * kBlockWords, end - first, ahead_bytes);
        for (std::size_t lane = 0; lane < sizeof(Block) / sizeof(std::uint64_t); ++lane) {
            total += sums[lane];
        }
    }
    for (std::size_t i = blocks * kBlockWords; i < words.size(); ++i) total += words[i];
    return total;
}

}  // namespace dws
