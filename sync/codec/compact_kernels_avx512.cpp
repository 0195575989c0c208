// For processors with AVX-512 F, BW, VL, VBMI, VBMI2 and VPOPCNTDQ (Ice Lake, Zen 4 and later).
#include <immintrin.h>

#include <array>
#include <cstring>

#include "sync/codec/compact_kernels_scalar.h"
#include "sync/words.h"

namespace dws {

namespace {

// Far enough ahead that the line has come from memory when the loop reaches it.
constexpr std::size_t kPrefetchBytes = 2048;
// A loop that also classifies takes longer over a block.
constexpr std::size_t kNearPrefetchBytes = 1024;

// The unmasked forms of some intrinsics read an undefined register in GCC 12's headers, which the
// compiler then warns about (https://gcc.gnu.org/PR105593); with a full mask the code is the same.
constexpr __mmask16 kAllLanes = 0xffff;
constexpr __mmask8 kAllQuads = 0xff;

__m512i load(const std::byte* from) { return _mm512_loadu_si512(from); }

void prefetch(const std::byte* from) { _mm_prefetch(from, _MM_HINT_T1); }

// The bytes first, first + step, ... of a register.
constexpr std::array<std::uint8_t, 64> ascending_bytes(std::size_t first, std::size_t step) {
    std::array<std::uint8_t, 64> bytes{};
    for (std::size_t lane = 0; lane < 64; ++lane) {
        bytes[lane] = static_cast<std::uint8_t>(first + step * lane);
    }
    return bytes;
}
alignas(64) constexpr std::array<std::uint8_t, 64> kBitNumbers = ascending_bytes(0, 1);
// Of two registers: the upper halves of 64 16-bit lanes, in order.
alignas(64) constexpr std::array<std::uint8_t, 64> kOddBytes = ascending_bytes(1, 2);

__m512i load(const std::array<std::uint8_t, 64>& bytes) { return _mm512_load_si512(bytes.data()); }

// The keys of 64 words, one byte each.
__m512i keys_of(const std::byte* words, std::uint8_t) {
    return _mm512_add_epi8(load(words), load(words));
}
__m512i keys_of(const std::byte* words, std::uint16_t) {
    const __m512i low = _mm512_slli_epi16(load(words), 1);
    const __m512i high = _mm512_slli_epi16(load(words + 64), 1);
    return _mm512_permutex2var_epi8(low, load(kOddBytes), high);
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

// The words that every block's two sides come from, before the loop reaches them.
template <class Word, std::size_t Distance = kPrefetchBytes>
void prefetch_block(const std::byte* from) {
    for (std::size_t line = 0; line < sizeof(Word); ++line) prefetch(from + Distance + 64 * line);
}

// Stores the positions of the set bits, each plus `first`, at `to`; returns how many. Compressed as
// bytes in a register and widened: compressing into memory is many times slower.
std::size_t store_positions(std::uint64_t bits, std::size_t first, std::uint16_t* to) {
    const __m512i numbers = _mm512_maskz_compress_epi8(bits, load(kBitNumbers));
    const __m512i start = _mm512_set1_epi16(static_cast<short>(first));
    const auto store_half = [&](__m256i half, std::uint16_t* at) {
        _mm512_storeu_si512(at, _mm512_add_epi16(start, _mm512_cvtepu8_epi16(half)));
    };
    store_half(_mm512_maskz_extracti64x4_epi64(kAllQuads, numbers, 0), to);
    const auto count = static_cast<std::size_t>(_mm_popcnt_u64(bits));
    if (count > 32) [[unlikely]]
        store_half(_mm512_maskz_extracti64x4_epi64(kAllQuads, numbers, 1), to + 32);
    return count;
}

// All thresholds, used or not: the unused make empty classes, and the loop unrolls.
struct Thresholds {
    __m512i keys[kMaxThresholds];

    explicit Thresholds(const ExponentClasses& classes) {
        for (std::size_t index = 0; index < kMaxThresholds; ++index) {
            keys[index] = _mm512_set1_epi8(static_cast<char>(classes.thresholds[index]));
        }
    }
};

void store_classes(__m512i keys, const Thresholds& thresholds, std::size_t block, ClassMap& map) {
    __mmask64 earlier = 0;
    for (std::size_t index = 0; index < kMaxThresholds; ++index) {
        const __mmask64 below = _mm512_cmplt_epu8_mask(keys, thresholds.keys[index]);
        map.bits[index][block] = _kandn_mask64(earlier, below);
        earlier = below;
    }
}

// differing_in(block) -> bitmap. positions: counted from `first`.
template <class DifferingIn>
std::size_t find_in_blocks(std::size_t blocks, std::size_t first, std::uint16_t* positions,
                           DifferingIn differing_in) {
    const std::size_t streams = blocks == kTileBlocks ? kTileStreams : 1;
    const std::size_t length = blocks / streams;
    std::size_t found[kTileStreams] = {};
    for (std::size_t index = 0; index < length; ++index) {
        for (std::size_t stream = 0; stream < streams; ++stream) {
            // A stream of n blocks has at most 64 n changes, so none runs into the next.
            const std::size_t block = stream * length + index;
            found[stream] +=
                store_positions(differing_in(block), first + block * kBlockWords,
                                positions + stream * length * kBlockWords + found[stream]);
        }
    }
    for (std::size_t stream = 1; stream < streams; ++stream) {
        std::memmove(positions + found[0], positions + stream * length * kBlockWords,
                     found[stream] * sizeof(*positions));
        found[0] += found[stream];
    }
    return found[0];
}

std::size_t find_changes(const std::byte* before, const std::byte* after, std::size_t word_bytes,
                         std::size_t blocks, std::size_t first, std::uint16_t* positions) {
    return with_word_type(word_bytes, [&](auto type) {
        using Word = decltype(type);
        return find_in_blocks(blocks, first, positions, [&](std::size_t block) {
            const std::size_t offset = block * kBlockWords * sizeof(Word);
            prefetch_block<Word>(before + offset);
            prefetch_block<Word>(after + offset);
            return differing(before + offset, after + offset, type);
        });
    });
}

void classify(const std::byte* words, std::size_t word_bytes, std::size_t first_block,
              std::size_t blocks, const ExponentClasses& classes, ClassMap& map) {
    const Thresholds thresholds(classes);
    with_word_type(word_bytes, [&](auto type) {
        using Word = decltype(type);
        for (std::size_t block = 0; block < blocks; ++block) {
            const std::byte* from = words + block * kBlockWords * sizeof(Word);
            prefetch_block<Word>(from);
            store_classes(keys_of(from, type), thresholds, first_block + block, map);
        }
    });
}

// In one loop: what a block costs passes while the words of later ones come from memory.
std::size_t find_and_classify(const std::byte* before, const std::byte* after,
                              std::size_t word_bytes, std::size_t blocks,
                              const ExponentClasses& classes, ClassMap& map,
                              std::uint16_t* positions) {
    const Thresholds thresholds(classes);
    return with_word_type(word_bytes, [&](auto type) {
        using Word = decltype(type);
        return find_in_blocks(blocks, 0, positions, [&](std::size_t block) {
            const std::size_t offset = block * kBlockWords * sizeof(Word);
            prefetch_block<Word, kNearPrefetchBytes>(before + offset);
            prefetch_block<Word, kNearPrefetchBytes>(after + offset);
            store_classes(keys_of(before + offset, type), thresholds, block, map);
            return differing(before + offset, after + offset, type);
        });
    });
}

// Four classes' numbers of eight blocks, by block, brought in order by class.
alignas(64) constexpr std::array<std::uint16_t, 32> kByClass = [] {
    std::array<std::uint16_t, 32> by_class{};
    for (std::size_t index = 0; index < 32; ++index) {
        by_class[index] = static_cast<std::uint16_t>(index % 8 * 4 + index / 8);
    }
    return by_class;
}();

// Eight blocks of four classes at a time: their counts as 16-bit numbers, a class in each quarter
// of a register, then the sums of all before.
void rank(std::size_t blocks, std::size_t classes, ClassMap& map) {
    if (blocks % 8 != 0 || blocks == 0) return rank_blocks(blocks, classes, map);
    constexpr std::size_t kAtOnce = 4;
    const __m512i by_class = _mm512_load_si512(kByClass.data());
    const __m512i last_of_class = _mm512_set1_epi16(0x0f0e);
    for (std::size_t first = 0; first < classes; first += kAtOnce) {
        const std::size_t present = std::min(kAtOnce, classes - first);
        __m512i starts = _mm512_setzero_si512();  // mod 2^16: 65,536 only after the last block
        for (std::size_t block = 0; block < blocks; block += 8) {
            __m512i counts = _mm512_setzero_si512();
            for (std::size_t index = present; index-- > 0;) {
                const __m512i bits = _mm512_load_si512(&map.bits[first + index][block]);
                counts = _mm512_or_si512(_mm512_maskz_slli_epi64(kAllQuads, counts, 16),
                                         _mm512_popcnt_epi64(bits));
            }
            counts = _mm512_permutexvar_epi16(by_class, counts);
            __m512i sums = _mm512_add_epi16(counts, _mm512_bslli_epi128(counts, 2));
            sums = _mm512_add_epi16(sums, _mm512_bslli_epi128(sums, 4));
            sums = _mm512_add_epi16(sums, _mm512_bslli_epi128(sums, 8));
            alignas(64) std::uint16_t ranks[kAtOnce][8];
            _mm512_store_si512(ranks, _mm512_add_epi16(starts, _mm512_sub_epi16(sums, counts)));
            for (std::size_t index = 0; index < present; ++index) {
                std::memcpy(&map.ranks[first + index][block], ranks[index], sizeof(ranks[index]));
            }
            starts = _mm512_add_epi16(starts, _mm512_shuffle_epi8(sums, last_of_class));
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

const CompactKernels kAvx512CompactKernels{"avx512",          find_changes, classify,
                                           find_and_classify, rank,         select};

}  // namespace dws
