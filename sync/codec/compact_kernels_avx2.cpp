// For processors with AVX2, BMI1, BMI2 and POPCNT.
#include <immintrin.h>

#include "sync/codec/compact_kernels_scalar.h"
#include "sync/words.h"

namespace dws {

namespace {

// Far enough ahead that the line has come from memory when the loop reaches it.
constexpr std::size_t kPrefetchBytes = 2048;

__m256i load(const std::byte* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

void prefetch(const std::byte* from) { _mm_prefetch(from + kPrefetchBytes, _MM_HINT_T0); }

std::uint32_t sign_bits(__m256i bytes) {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes));
}

// The low bytes of 32 16-bit lanes, in order.
__m256i narrow_16(__m256i low, __m256i high) {
    return _mm256_permute4x64_epi64(_mm256_packus_epi16(low, high), 0b11'01'10'00);
}

// 32-bit lanes below 2^15 as 16-bit lanes, in order.
__m256i narrow_32(__m256i low, __m256i high) {
    return _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0b11'01'10'00);
}

// The keys of 32 words, one byte each.
__m256i keys_of(const std::byte* words, std::uint8_t) {
    const __m256i word = load(words);
    return _mm256_add_epi8(word, word);
}
__m256i keys_of(const std::byte* words, std::uint16_t) {
    const auto key = [&](std::size_t offset) {
        return _mm256_srli_epi16(_mm256_slli_epi16(load(words + offset), 1), 8);
    };
    return narrow_16(key(0), key(32));
}
__m256i keys_of(const std::byte* words, std::uint32_t) {
    const auto key = [&](std::size_t offset) {
        return _mm256_srli_epi32(_mm256_slli_epi32(load(words + offset), 1), 24);
    };
    return narrow_16(narrow_32(key(0), key(32)), narrow_32(key(64), key(96)));
}

// 0xff for each of 32 words that is equal.
__m256i equal(const std::byte* before, const std::byte* after, std::uint8_t) {
    return _mm256_cmpeq_epi8(load(before), load(after));
}
__m256i equal(const std::byte* before, const std::byte* after, std::uint16_t) {
    const auto same = [&](std::size_t offset) {
        return _mm256_cmpeq_epi16(load(before + offset), load(after + offset));
    };
    return _mm256_permute4x64_epi64(_mm256_packs_epi16(same(0), same(32)), 0b11'01'10'00);
}
__m256i equal(const std::byte* before, const std::byte* after, std::uint32_t) {
    const auto same = [&](std::size_t offset) {
        return _mm256_cmpeq_epi32(load(before + offset), load(after + offset));
    };
    const auto pair = [&](std::size_t offset) {
        return _mm256_permute4x64_epi64(_mm256_packs_epi32(same(offset), same(offset + 32)),
                                        0b11'01'10'00);
    };
    return _mm256_permute4x64_epi64(_mm256_packs_epi16(pair(0), pair(64)), 0b11'01'10'00);
}

std::size_t find_changes(const std::byte* before, const std::byte* after, std::size_t word_bytes,
                         std::size_t blocks, std::size_t first, std::uint16_t* positions) {
    return with_word_type(word_bytes, [&](auto type) {
        std::size_t changes = 0;
        for (std::size_t half = 0; half < 2 * blocks; ++half) {
            const std::size_t offset = half * 32 * sizeof(type);
            prefetch(before + offset);
            prefetch(after + offset);
            const std::uint32_t differ = ~sign_bits(equal(before + offset, after + offset, type));
            changes += store_set_bits(differ, first + half * 32, positions + changes);
        }
        return changes;
    });
}

void classify(const std::byte* words, std::size_t word_bytes, std::size_t first_block,
              std::size_t blocks, const ExponentClasses& classes, ClassMap& map) {
    with_word_type(word_bytes, [&](auto type) {
        for (std::size_t block = 0; block < blocks; ++block) {
            const std::byte* from = words + block * kBlockWords * sizeof(type);
            prefetch(from);
            prefetch(from + 64);
            const __m256i low = keys_of(from, type);
            const __m256i high = keys_of(from + 32 * sizeof(type), type);
            std::uint64_t earlier = 0;
            for (std::size_t index = 0; index < classes.count; ++index) {
                // There is no unsigned comparison: key >= t is max(key, t) == key.
                const __m256i threshold =
                    _mm256_set1_epi8(static_cast<char>(classes.thresholds[index]));
                const auto at_least = [&](__m256i keys) {
                    return sign_bits(_mm256_cmpeq_epi8(_mm256_max_epu8(keys, threshold), keys));
                };
                const std::uint64_t below = ~(std::uint64_t{at_least(high)} << 32 | at_least(low));
                map.bits[index][first_block + block] = below & ~earlier;
                earlier = below;
            }
        }
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

void select(const std::uint64_t* bits, const std::uint16_t* block_ranks, const std::uint32_t* ranks,
            std::size_t count, std::uint16_t* positions) {
    select_words(bits, block_ranks, ranks, count, positions, [](std::uint64_t word, unsigned n) {
        return static_cast<unsigned>(_tzcnt_u64(_pdep_u64(std::uint64_t{1} << n, word)));
    });
}

}  // namespace

const CompactKernels kAvx2CompactKernels{"avx2", find_changes, classify, find_and_classify,
                                         rank,   select};

}  // namespace dws
