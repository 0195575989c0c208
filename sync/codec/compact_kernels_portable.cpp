#include "sync/codec/compact_kernels_scalar.h"
#include "sync/words.h"

namespace dws {

namespace {

// flags: (64,) zeros and ones. One bit each: the product moves byte j's bit to bit 56 + j.
std::uint64_t pack_flags(const std::uint8_t* flags) {
    std::uint64_t bits = 0;
    for (std::size_t group = 0; group < kBlockWords / 8; ++group) {
        std::uint64_t eight;
        std::memcpy(&eight, flags + 8 * group, 8);
        bits |= ((eight * 0x0102040810204080u) >> 56) << (8 * group);
    }
    return bits;
}

template <class Word>
std::size_t find_changed_words(const std::byte* before, const std::byte* after, std::size_t blocks,
                               std::size_t first, std::uint16_t* positions) {
    std::size_t changes = 0;
    for (std::size_t block = 0; block < blocks; ++block) {
        std::uint8_t flags[kBlockWords];
        for (std::size_t word = 0; word < kBlockWords; ++word) {
            const std::size_t offset = (block * kBlockWords + word) * sizeof(Word);
            flags[word] = load_word<Word>(before + offset) != load_word<Word>(after + offset);
        }
        changes +=
            store_set_bits(pack_flags(flags), first + block * kBlockWords, positions + changes);
    }
    return changes;
}

template <class Word>
void classify_words(const std::byte* words, std::size_t first_block, std::size_t blocks,
                    const ExponentClasses& classes, ClassMap& map) {
    for (std::size_t block = 0; block < blocks; ++block) {
        std::uint8_t keys[kBlockWords];
        for (std::size_t word = 0; word < kBlockWords; ++word) {
            const auto value = load_word<Word>(words + (block * kBlockWords + word) * sizeof(Word));
            keys[word] =
                static_cast<std::uint8_t>(std::uint32_t{value} << 1 >> (8 * sizeof(Word) - 8));
        }
        std::uint64_t earlier = 0;
        for (std::size_t index = 0; index < classes.count; ++index) {
            const std::uint8_t threshold = classes.thresholds[index];
            std::uint8_t flags[kBlockWords];
            for (std::size_t word = 0; word < kBlockWords; ++word) {
                flags[word] = keys[word] < threshold;
            }
            const std::uint64_t below = pack_flags(flags);
            map.bits[index][first_block + block] = below & ~earlier;
            earlier = below;
        }
    }
}

std::size_t find_changes(const std::byte* before, const std::byte* after, std::size_t word_bytes,
                         std::size_t blocks, std::size_t first, std::uint16_t* positions) {
    return with_word_type(word_bytes, [&](auto type) {
        return find_changed_words<decltype(type)>(before, after, blocks, first, positions);
    });
}

void classify(const std::byte* words, std::size_t word_bytes, std::size_t first_block,
              std::size_t blocks, const ExponentClasses& classes, ClassMap& map) {
    with_word_type(word_bytes, [&](auto type) {
        classify_words<decltype(type)>(words, first_block, blocks, classes, map);
    });
}

std::size_t find_and_classify(const std::byte* before, const std::byte* after,
                              std::size_t word_bytes, std::size_t blocks,
                              const ExponentClasses& classes, ClassMap& map,
                              std::uint16_t* positions) {
    return find_then_classify(find_changes, classify, before, after, word_bytes, blocks, classes,
                              map, positions);
}

void rank(std::size_t blocks, std::size_t classes, ClassMap& map) {
    rank_blocks(blocks, classes, map);
}

// Halves the window: n set bits below is either in the lower half or beyond it.
unsigned select_bit(std::uint64_t word, unsigned n) {
    unsigned position = 0;
    for (unsigned half = 32; half > 0; half /= 2) {
        const std::uint64_t lower = (word >> position) & ((std::uint64_t{1} << half) - 1);
        const auto count = static_cast<unsigned>(__builtin_popcountll(lower));
        if (count > n) continue;
        n -= count;
        position += half;
    }
    return position;
}

void select(const std::uint64_t* bits, const std::uint16_t* block_ranks, const std::uint32_t* ranks,
            std::size_t count, std::uint16_t* positions) {
    select_words(bits, block_ranks, ranks, count, positions, select_bit);
}

}  // namespace

const CompactKernels kPortableCompactKernels{"portable",        find_changes, classify,
                                             find_and_classify, rank,         select};

}  // namespace dws
