#include "sync/codec/compact_class_map.h"

#include <array>
#include <cstring>

namespace dws {

void map_classes(const CompactKernels& kernels, std::span<const std::byte> words,
                 std::size_t word_bytes, const ExponentClasses& classes, ClassMap& map) {
    kernels.classify(words.data(), word_bytes, 0, words.size() / (kBlockWords * word_bytes),
                     classes, map);
    finish_map(kernels, words, word_bytes, classes, map);
}

// The kernels read whole blocks, so the last words of an array go through a block of their own.
void finish_map(const CompactKernels& kernels, std::span<const std::byte> words,
                std::size_t word_bytes, const ExponentClasses& classes, ClassMap& map) {
    const std::size_t block_bytes = kBlockWords * word_bytes;
    std::size_t blocks = words.size() / block_bytes;
    if (const std::size_t rest = words.size() - blocks * block_bytes; rest > 0) {
        std::array<std::byte, kBlockWords * 4> last{};
        std::memcpy(last.data(), words.data() + blocks * block_bytes, rest);
        kernels.classify(last.data(), word_bytes, blocks, 1, classes, map);
        const std::uint64_t present = (std::uint64_t{1} << (rest / word_bytes)) - 1;
        for (std::size_t index = 0; index < classes.count; ++index) {
            map.bits[index][blocks] &= present;
        }
        ++blocks;
    }
    kernels.rank(blocks, classes.count, map);
}

}  // namespace dws
