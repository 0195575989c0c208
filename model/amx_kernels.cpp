// For processors with AMX-TILE, AMX-BF16 and AVX-512 F, BW, VL, BF16 (Sapphire Rapids and later).
#include "model/amx_kernels.h"

#include <immintrin.h>

#include <cstdint>

namespace dws {
namespace {

// The unmasked forms of some intrinsics read an undefined register in GCC 12's headers, which the
// compiler then warns about (https://gcc.gnu.org/PR105593); with a full mask the code is the same.
constexpr __mmask16 kAll = 0xffff;
constexpr __mmask8 kAllQuads = 0xff;

// Intel's layout of the tile configuration. GCC 12's _tile_loadconfig tells the compiler of its
// first 8 bytes only, so that stores to the others may be dropped.
struct TileConfig {
    std::uint8_t palette = 1;
    std::uint8_t start_row = 0;
    std::uint8_t reserved[14] = {};
    std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);

// The compiler's own intrinsics do not say that they read and write memory.
template <int Tile>
[[gnu::always_inline]] inline void load_tile(const void* from, std::size_t stride_bytes) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride_bytes), "i"(Tile)
                 : "memory");
}
template <int Tile>
[[gnu::always_inline]] inline void store_tile(float* to) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(std::size_t{64}), "i"(Tile)
                 : "memory");
}
template <int Tile>
[[gnu::always_inline]] inline void clear_tile() {
    asm volatile("tilezero %%tmm%c0" ::"i"(Tile));
}
template <int Totals, int Left, int Right>
[[gnu::always_inline]] inline void multiply_tiles() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(Totals), "i"(Left), "i"(Right));
}

// 16 x 16 numbers of 32 bits.
struct Square {
    __m512i row[kTileEdge];
};

// Pairs within rows, then pairs of pairs, then the four quarters of the registers.
[[gnu::always_inline]] inline Square transposed(const Square& from) {
    Square pairs, fours, to;
    for (std::size_t i = 0; i < kTileEdge; i += 2) {
        const __m512i a = from.row[i], b = from.row[i + 1];
        pairs.row[i] = _mm512_maskz_unpacklo_epi32(kAll, a, b);
        pairs.row[i + 1] = _mm512_maskz_unpackhi_epi32(kAll, a, b);
    }
    for (std::size_t i = 0; i < kTileEdge; i += 4) {
        for (std::size_t j = 0; j < 2; ++j) {
            const __m512i a = pairs.row[i + j], b = pairs.row[i + j + 2];
            fours.row[i + 2 * j] = _mm512_maskz_unpacklo_epi64(kAllQuads, a, b);
            fours.row[i + 2 * j + 1] = _mm512_maskz_unpackhi_epi64(kAllQuads, a, b);
        }
    }
    for (std::size_t j = 0; j < 4; ++j) {
        const __m512i a = fours.row[j], b = fours.row[j + 4];
        const __m512i c = fours.row[j + 8], d = fours.row[j + 12];
        const __m512i even_ab = _mm512_maskz_shuffle_i32x4(kAll, a, b, 0x88);
        const __m512i odd_ab = _mm512_maskz_shuffle_i32x4(kAll, a, b, 0xdd);
        const __m512i even_cd = _mm512_maskz_shuffle_i32x4(kAll, c, d, 0x88);
        const __m512i odd_cd = _mm512_maskz_shuffle_i32x4(kAll, c, d, 0xdd);
        to.row[j] = _mm512_maskz_shuffle_i32x4(kAll, even_ab, even_cd, 0x88);
        to.row[j + 4] = _mm512_maskz_shuffle_i32x4(kAll, odd_ab, odd_cd, 0x88);
        to.row[j + 8] = _mm512_maskz_shuffle_i32x4(kAll, even_ab, even_cd, 0xdd);
        to.row[j + 12] = _mm512_maskz_shuffle_i32x4(kAll, odd_ab, odd_cd, 0xdd);
    }
    return to;
}

[[gnu::always_inline]] inline void store_square(const Square& square, void* to) {
    for (std::size_t i = 0; i < kTileEdge; ++i) {
        _mm512_storeu_si512(static_cast<std::byte*>(to) + 64 * i, square.row[i]);
    }
}

// The first `count` of 16 (32) lanes, from `first` on.
__mmask16 first_floats(std::size_t count, std::size_t first) {
    if (count <= first) return 0;
    return count - first >= 16 ? kAll : static_cast<__mmask16>((1u << (count - first)) - 1);
}
__mmask32 first_words(std::size_t count) {
    return static_cast<__mmask32>((std::uint64_t{1} << count) - 1);
}

// Row `index` of a block.
struct MaskedRows {
    const FloatBlock& block;
    __mmask16 low = first_floats(block.columns, 0);
    __mmask16 high = first_floats(block.columns, kTileEdge);

    __mmask16 mask(std::size_t index, std::size_t half) const {
        if (index >= block.rows) return 0;
        return half == 0 ? low : high;
    }
    // Nothing is read through an empty mask.
    __m512 floats(std::size_t index, std::size_t half) const {
        return _mm512_maskz_loadu_ps(mask(index, half),
                                     block.values + index * block.stride + kTileEdge * half);
    }
    // 32 words: the columns.
    __m512i words(std::size_t index) const {
        return __builtin_bit_cast(__m512i, _mm512_cvtne2ps_pbh(floats(index, 1), floats(index, 0)));
    }
    // 16 pairs: of rows index and index + 1 in the columns of one half.
    __m512i pairs(std::size_t index, std::size_t half, __m512i alternating) const {
        const __m512i both = __builtin_bit_cast(
            __m512i, _mm512_cvtne2ps_pbh(floats(index + 1, half), floats(index, half)));
        return _mm512_maskz_permutexvar_epi16(~__mmask32{0}, alternating, both);
    }
};

struct Indices {
    alignas(64) std::uint16_t lanes[32];
};
// first, second, first + 1, second + 1, ...
constexpr Indices alternating_from(unsigned first, unsigned second) {
    Indices indices{};
    for (unsigned i = 0; i < 16; ++i) {
        indices.lanes[2 * i] = static_cast<std::uint16_t>(first + i);
        indices.lanes[2 * i + 1] = static_cast<std::uint16_t>(second + i);
    }
    return indices;
}
constexpr Indices kHalves = alternating_from(0, 16);    // of one register
constexpr Indices kLowOfTwo = alternating_from(0, 32);  // of two registers, one behind the other
constexpr Indices kHighOfTwo = alternating_from(16, 48);

__m512i load(const Indices& indices) { return _mm512_load_si512(indices.lanes); }

}  // namespace

AmxTiles::AmxTiles() {
    const TileConfig config;
    asm volatile("ldtilecfg %0" ::"m"(config));
}

AmxTiles::~AmxTiles() { asm volatile("tilerelease" ::); }

void pack_left_rows(const FloatBlock& block, Bf16* to) {
    const MaskedRows rows{block};
    for (std::size_t m = 0; m < kPanelEdge; ++m) {
        _mm512_storeu_si512(to + m * kPanelEdge, rows.words(m));
    }
}

void pack_left_columns(const FloatBlock& block, Bf16* to) {
    const MaskedRows rows{block};
    const __m512i alternating = load(kHalves);
    for (std::size_t half = 0; half < 2; ++half) {
        Square square;
        for (std::size_t pair = 0; pair < kTileEdge; ++pair) {
            square.row[pair] = rows.pairs(2 * pair, half, alternating);
        }
        store_square(transposed(square), to + half * kTileWords);
    }
}

void pack_right_tile(const FloatBlock& block, Bf16* to) {
    const MaskedRows rows{block};
    Square square;
    for (std::size_t n = 0; n < kTileEdge; ++n) square.row[n] = rows.words(n);
    store_square(transposed(square), to);
}

void pack_right_columns(const FloatBlock& block, Bf16* to) {
    const MaskedRows rows{block};
    const __m512i alternating = load(kHalves);
    for (std::size_t pair = 0; pair < kTileEdge; ++pair) {
        for (std::size_t half = 0; half < 2; ++half) {
            _mm512_storeu_si512(to + half * kTileWords + pair * kPanelEdge,
                                rows.pairs(2 * pair, half, alternating));
        }
    }
}

void pack_right_rows(const Bf16* const* rows, std::size_t first, std::size_t columns, Bf16* to) {
    const __mmask32 mask = first_words(columns);
    for (std::size_t half = 0; half < 2; ++half) {
        Square square;
        for (std::size_t n = 0; n < kTileEdge; ++n) {
            square.row[n] = _mm512_maskz_loadu_epi16(mask, rows[half * kTileEdge + n] + first);
        }
        store_square(transposed(square), to + half * kTileWords);
    }
}

void pack_right_columns(const Bf16* const* rows, std::size_t first, std::size_t columns, Bf16* to) {
    const __mmask32 mask = first_words(columns);
    const __m512i low = load(kLowOfTwo), high = load(kHighOfTwo);
    for (std::size_t pair = 0; pair < kTileEdge; ++pair) {
        const __m512i a = _mm512_maskz_loadu_epi16(mask, rows[2 * pair] + first);
        const __m512i b = _mm512_maskz_loadu_epi16(mask, rows[2 * pair + 1] + first);
        Bf16* const at = to + pair * kPanelEdge;
        _mm512_storeu_si512(at, _mm512_permutex2var_epi16(a, low, b));
        _mm512_storeu_si512(at + kTileWords, _mm512_permutex2var_epi16(a, high, b));
    }
}

void multiply_panels(const Bf16* left, const Bf16* right, std::size_t steps, bool goes_on,
                     float* totals) {
    if (goes_on) {
        load_tile<0>(totals, 64);
        load_tile<1>(totals + kTileTotals, 64);
        load_tile<2>(totals + 2 * kTileTotals, 64);
        load_tile<3>(totals + 3 * kTileTotals, 64);
    } else {
        clear_tile<0>();
        clear_tile<1>();
        clear_tile<2>();
        clear_tile<3>();
    }
    for (std::size_t step = 0; step < steps; ++step) {
        load_tile<4>(left, 64);
        load_tile<6>(right, 64);
        multiply_tiles<0, 4, 6>();
        load_tile<7>(right + kTileWords, 64);
        multiply_tiles<1, 4, 7>();
        load_tile<5>(left + kTileWords, 64);
        multiply_tiles<2, 5, 6>();
        multiply_tiles<3, 5, 7>();
        left += kStepWords;
        right += kStepWords;
    }
    store_tile<0>(totals);
    store_tile<1>(totals + kTileTotals);
    store_tile<2>(totals + 2 * kTileTotals);
    store_tile<3>(totals + 3 * kTileTotals);
}

namespace {

template <std::size_t RightTiles>
void multiply_words_by(const Bf16* words, std::size_t stride, const Bf16* right, std::size_t steps,
                       float* totals) {
    const std::size_t stride_bytes = stride * sizeof(Bf16);
    const Bf16* const lower = words + kTileEdge * stride;
    clear_tile<0>();
    clear_tile<1>();
    clear_tile<2>();
    clear_tile<3>();
    for (std::size_t step = 0; step < steps; ++step) {
        load_tile<4>(words + step * kPanelEdge, stride_bytes);
        load_tile<6>(right, 64);
        multiply_tiles<0, 4, 6>();
        load_tile<5>(lower + step * kPanelEdge, stride_bytes);
        multiply_tiles<RightTiles, 5, 6>();
        if constexpr (RightTiles == 2) {
            load_tile<7>(right + kTileWords, 64);
            multiply_tiles<1, 4, 7>();
            multiply_tiles<3, 5, 7>();
        }
        right += RightTiles * kTileWords;
    }
    store_tile<0>(totals);
    store_tile<1>(totals + kTileTotals);
    if constexpr (RightTiles == 2) {
        store_tile<2>(totals + 2 * kTileTotals);
        store_tile<3>(totals + 3 * kTileTotals);
    }
}

}  // namespace

void multiply_words(const Bf16* words, std::size_t stride, const Bf16* right, std::size_t steps,
                    std::size_t right_tiles, float* totals) {
    if (right_tiles == 1) {
        multiply_words_by<1>(words, stride, right, steps, totals);
    } else {
        multiply_words_by<2>(words, stride, right, steps, totals);
    }
}

void transpose_totals(float* totals) {
    Square square;
    for (std::size_t i = 0; i < kTileEdge; ++i) {
        square.row[i] = _mm512_loadu_si512(totals + i * kTileEdge);
    }
    store_square(transposed(square), totals);
}

}  // namespace dws
