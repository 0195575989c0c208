// For processors with AVX-512 F, BW, VL, VBMI and VPOPCNTDQ (Ice Lake, Zen 4 and later).
#include <immintrin.h>

#include <array>

#include "sync/codec/compact_kernels_scalar.h"
#include "sync/words.h"

namespace dws {

namespace {

// Far enough ahead that the line has come from memory when the loop reaches it.
constexpr std::size_t kPrefetchBytes = 2048;

// The unmasked forms of some intrinsics read an undefined register in GCC 12's headers, which the
// compiler then warns about (https://gcc.gnu.org/PR105593); with a full mask the code is the same.
constexpr __mmask16 kAllLanes = 0xffff;

__m512i load(const std::byte* from) { return _mm512_loadu_si512(from); }

void prefetch(const std::byte* from) { _mm_prefetch(from + kPrefetchBytes, _MM_HINT_T0); }

// The odd bytes of two registers, in order: the upper halves of 64 16-bit lanes.
const __m512i& odd_bytes() {
    alignas(64) static constexpr auto kOdd = [] {
        std::array<std::uint8_t, 64> odd{};
        for (std::size_t lane = 0; lane < 64; ++lane) {
            odd[lane] = static_cast<std::uint8_t>(2 * lane + 1);
        }
        return odd;
    }();
    return *reinterpret_cast<const __m512i*>(kOdd.data());
}

// The keys of 64 words, one byte each.
__m512i keys_of(const std::byte* words, std::uint8_t) {
    return _mm512_add_epi8(load(words), load(words));
}
__m512i keys_of(const std::byte* words, std::uint16_t) {
    const __m512i low = _mm512_slli_epi16(load(words), 1);
    const __m512i high = _mm512_slli_epi16(load(words + 64), 1);
    return _mm512_permutex2var_epi8(low, odd_bytes(), high);
}
__m512i keys_of(const std::byte* words, std::uint32_t) {
    const auto sixteen = [&](std::size_t offset) {
        const __m512i magnitudes = _mm512_maskz_slli_epi32(kAllLanes, load(words + offset), 1);
        return _mm512_maskz_cvtepi32_epi8(kAllLanes,
                                          _mm512_maskz_srli_epi32(kAllLanes, magnitudes, 24));
    };
    __m512i keys = _mm512_castsi128_si512(sixteen(0));
    keys = _mm512_inserti32x4(keys, sixteen(64), 1);
    keys = _mm512_inserti32x4(keys, sixteen(128), 2);
    return _mm512_inserti32x4(keys, sixteen(192), 3);
}

std::uint64_t differing(const std::byte* before, const std::byte* after, std::uint8_t) {
    return _mm512_cmpneq_epi8_mask(load(before), load(after));
}
std::uint64_t differing(const std::byte* before, const std::byte* after, std::uint16_t) {
    const auto half = [&](std::size_t offset) {
        return std::uint64_t{_mm512_cmpneq_epi16_mask(load(before + offset), load(after + offset))};
    };
    return half(0) | half(64) << 32;
}
std::uint64_t differing(const std::byte* before, const std::byte* after, std::uint32_t) {
    const auto quarter = [&](std::size_t offset) {
        return std::uint64_t{_mm512_cmpneq_epi32_mask(load(before + offset), load(after + offset))};
    };
    return quarter(0) | quarter(64) << 16 | quarter(128) << 32 | quarter(192) << 48;
}

std::size_t find_changes(const std::byte* before, const std::byte* after, std::size_t word_bytes,
                         std::size_t blocks, std::size_t first, std::uint16_t* positions) {
    return with_word_type(word_bytes, [&](auto type) {
        std::size_t changes = 0;
        for (std::size_t block = 0; block < blocks; ++block) {
            const std::size_t offset = block * kBlockWords * sizeof(type);
            for (std::size_t line = 0; line < sizeof(type); ++line) {
                prefetch(before + offset + 64 * line);
                prefetch(after + offset + 64 * line);
            }
            changes += store_set_bits(differing(before + offset, after + offset, type),
                                      first + block * kBlockWords, positions + changes);
        }
        return changes;
    });
}

// All thresholds, used or not: the unused make empty classes, and the loop unrolls.
void classify(const std::byte* words, std::size_t word_bytes, std::size_t first_block,
              std::size_t blocks, const ExponentClasses& classes, ClassMap& map) {
    __m512i thresholds[kMaxThresholds];
    for (std::size_t index = 0; index < kMaxThresholds; ++index) {
        thresholds[index] = _mm512_set1_epi8(static_cast<char>(classes.thresholds[index]));
    }
    with_word_type(word_bytes, [&](auto type) {
        for (std::size_t block = 0; block < blocks; ++block) {
            const std::byte* from = words + block * kBlockWords * sizeof(type);
            for (std::size_t line = 0; line < sizeof(type); ++line) prefetch(from + 64 * line);
            const __m512i keys = keys_of(from, type);
            __mmask64 earlier = 0;
            for (std::size_t index = 0; index < kMaxThresholds; ++index) {
                const __mmask64 below = _mm512_cmplt_epu8_mask(keys, thresholds[index]);
                map.bits[index][first_block + block] = _kandn_mask64(earlier, below);
                earlier = below;
            }
        }
    });
}

// Eight blocks at a time: their counts as 16-bit lanes, then the sums of all lanes before. The
// classes take turns, because each sum waits for the one before.
void rank(std::size_t blocks, std::size_t classes, ClassMap& map) {
    if (blocks % 8 != 0 || blocks == 0) return rank_blocks(blocks, classes, map);
    __m128i starts[kMaxThresholds];  // mod 2^16: 65,536 members only after the last block
    for (__m128i& start : starts) start = _mm_setzero_si128();
    for (std::size_t block = 0; block < blocks; block += 8) {
        for (std::size_t index = 0; index < classes; ++index) {
            const __m512i counts = _mm512_popcnt_epi64(_mm512_load_si512(&map.bits[index][block]));
            const __m128i lanes = _mm512_maskz_cvtepi64_epi16(0xff, counts);
            __m128i sums = _mm_add_epi16(lanes, _mm_slli_si128(lanes, 2));
            sums = _mm_add_epi16(sums, _mm_slli_si128(sums, 4));
            sums = _mm_add_epi16(sums, _mm_slli_si128(sums, 8));
            _mm_store_si128(reinterpret_cast<__m128i*>(&map.ranks[index][block]),
                            _mm_add_epi16(starts[index], _mm_sub_epi16(sums, lanes)));
            starts[index] =
                _mm_add_epi16(starts[index], _mm_shuffle_epi8(sums, _mm_set1_epi16(0x0f0e)));
        }
    }
    for (std::size_t index = 0; index < classes; ++index) {
        const std::size_t last = blocks - 1;
        const std::uint32_t members =
            map.ranks[index][last] +
            static_cast<std::uint32_t>(_mm_popcnt_u64(map.bits[index][last]));
        map.members[index] = members;
        std::fill(map.ranks[index] + blocks, map.ranks[index] + kTileBlocks,
                  static_cast<std::uint16_t>(members));
    }
}

void select(const std::uint64_t* bits, const std::uint16_t* block_ranks, const std::uint32_t* ranks,
            std::size_t count, std::uint16_t* positions) {
    select_words(bits, block_ranks, ranks, count, positions, [](std::uint64_t word, unsigned n) {
        return static_cast<unsigned>(_tzcnt_u64(_pdep_u64(std::uint64_t{1} << n, word)));
    });
}

}  // namespace

const CompactKernels kAvx512CompactKernels{"avx512", find_changes, classify, rank, select};

}  // namespace dws
