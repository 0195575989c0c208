// A machine vector of floats and the few operations on it that plain loops cannot be trusted to
// become: GCC neither reorders float sums nor vectorises exp. For the CPU code of this room.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace dws {

// 64 with AVX-512, 32 with AVX, 16 with SSE2 and NEON: the widest vector the target has.
inline constexpr std::size_t kLaneBytes = __BIGGEST_ALIGNMENT__;
inline constexpr std::size_t kLanes = kLaneBytes / sizeof(float);
static_assert(kLanes >= 4 && kLanes <= 16);

using Lanes [[gnu::vector_size(kLaneBytes)]] = float;
using IntLanes [[gnu::vector_size(kLaneBytes)]] = std::int32_t;

inline std::size_t round_up_to_lanes(std::size_t count) {
    return (count + kLanes - 1) / kLanes * kLanes;
}

inline Lanes load(const float* from) {
    Lanes lanes;
    std::memcpy(&lanes, from, sizeof lanes);
    return lanes;
}
inline void store(float* to, Lanes lanes) { std::memcpy(to, &lanes, sizeof lanes); }

// Of bfloat16 words, exactly.
inline Lanes load(const std::uint16_t* from) {
    using Words [[gnu::vector_size(kLaneBytes / 2)]] = std::uint16_t;
    using WideWords [[gnu::vector_size(kLaneBytes)]] = std::uint32_t;
    Words words;
    std::memcpy(&words, from, sizeof words);
    const WideWords bits = __builtin_convertvector(words, WideWords) << 16;
    Lanes lanes;
    std::memcpy(&lanes, &bits, sizeof lanes);
    return lanes;
}

// The first count numbers; zeros behind them. count: 1..kLanes.
inline Lanes load_part(const float* from, std::size_t count) {
    if (count == kLanes) [[likely]]
        return load(from);
    Lanes lanes{};
    std::memcpy(&lanes, from, count * sizeof(float));
    return lanes;
}
inline Lanes load_part(const std::uint16_t* from, std::size_t count) {
    if (count == kLanes) [[likely]]
        return load(from);
    std::uint16_t words[kLanes] = {};
    std::memcpy(words, from, count * sizeof(std::uint16_t));
    return load(words);
}
inline void store_part(float* to, Lanes lanes, std::size_t count) {
    if (count == kLanes) [[likely]] {
        store(to, lanes);
    } else {
        std::memcpy(to, &lanes, count * sizeof(float));
    }
}

inline Lanes broadcast(float value) { return value - Lanes{}; }

template <std::size_t... I>
constexpr IntLanes lane_indices(std::index_sequence<I...>) {
    return IntLanes{static_cast<std::int32_t>(I)...};
}
inline constexpr IntLanes kLaneIndex = lane_indices(std::make_index_sequence<kLanes>());

// Lanes from count on become `rest`.
inline Lanes keep_first(Lanes lanes, std::size_t count, float rest) {
    return kLaneIndex < static_cast<std::int32_t>(count) ? lanes : broadcast(rest);
}

// Of two vectors cut into blocks of 2*Half lanes: the first halves of both blocks side by side, and
// the second halves.
template <std::size_t Half, std::size_t... I>
inline Lanes first_halves(Lanes a, Lanes b, std::index_sequence<I...>) {
    return __builtin_shufflevector(a, b, static_cast<int>((I & Half) ? (I ^ Half) + kLanes : I)...);
}
template <std::size_t Half, std::size_t... I>
inline Lanes second_halves(Lanes a, Lanes b, std::index_sequence<I...>) {
    return __builtin_shufflevector(a, b, static_cast<int>((I & Half) ? I + kLanes : (I ^ Half))...);
}

// (a0+a1, b0+b1) where index 0 and 1 are the halves of each block: one step of a transposing sum.
// Folding kLanes vectors through Half = 1, 2, 4, ... gives each vector's sum.
template <std::size_t Half>
inline Lanes fold_pair(Lanes a, Lanes b) {
    constexpr auto kAll = std::make_index_sequence<kLanes>();
    return first_halves<Half>(a, b, kAll) + second_halves<Half>(a, b, kAll);
}

// Lane i of row j and lane j of row i change places. rows: (kLanes,).
template <std::size_t Half = kLanes / 2>
inline void transpose(Lanes* rows) {
    constexpr auto kAll = std::make_index_sequence<kLanes>();
    for (std::size_t first = 0; first < kLanes; first += 2 * Half) {
        for (std::size_t i = first; i < first + Half; ++i) {
            const Lanes a = rows[i], b = rows[i + Half];
            rows[i] = first_halves<Half>(a, b, kAll);
            rows[i + Half] = second_halves<Half>(a, b, kAll);
        }
    }
    if constexpr (Half > 1) transpose<Half / 2>(rows);
}

// Lane i of the result is the sum of all lanes of vectors[i]. vectors: (kLanes,), destroyed.
template <std::size_t Half = 1>
inline Lanes sums_of(Lanes* vectors) {
    if constexpr (Half == kLanes) {
        return vectors[0];
    } else {
        for (std::size_t i = 0; i < kLanes / Half / 2; ++i) {
            vectors[i] = fold_pair<Half>(vectors[2 * i], vectors[2 * i + 1]);
        }
        return sums_of<Half * 2>(vectors);
    }
}

template <std::size_t Half, std::size_t... I>
inline Lanes swap_halves(Lanes a, std::index_sequence<I...>) {
    return __builtin_shufflevector(a, a, static_cast<int>(I ^ Half)...);
}

template <std::size_t Half = kLanes / 2>
inline float sum(Lanes lanes) {
    lanes += swap_halves<Half>(lanes, std::make_index_sequence<kLanes>());
    if constexpr (Half == 1) {
        return lanes[0];
    } else {
        return sum<Half / 2>(lanes);
    }
}

inline Lanes maximum(Lanes a, Lanes b) { return a > b ? a : b; }

template <std::size_t Half = kLanes / 2>
inline float maximum_of(Lanes lanes) {
    lanes = maximum(lanes, swap_halves<Half>(lanes, std::make_index_sequence<kLanes>()));
    if constexpr (Half == 1) {
        return lanes[0];
    } else {
        return maximum_of<Half / 2>(lanes);
    }
}

// e^x, relative error below 2e-7: 2^k * p(r), x = k ln 2 + r, |r| <= ln 2 / 2. Below -87.3, where
// the result would be denormal, 0; above 88.3 the value at 88.3 (just below overflow); NaN is not
// kept. p: Taylor's polynomial of degree 7, whose remainder is 5e-9 at the ends.
inline Lanes exp(Lanes x) {
    constexpr float kLowest = -87.3f, kHighest = 88.3f;
    constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
    const Lanes bounded =
        x > kHighest ? broadcast(kHighest) : (x < kLowest ? broadcast(kLowest) : x);
    const Lanes k = (bounded * 1.44269504f + kRounder) - kRounder;
    const Lanes r = (bounded - k * 0.693359375f) + k * 2.12194440e-4f;  // ln 2 in two parts
    Lanes p = r * (1.0f / 5040) + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    const IntLanes exponent = (__builtin_convertvector(k, IntLanes) + 127) << 23;
    Lanes power;
    std::memcpy(&power, &exponent, sizeof power);
    return x < kLowest ? Lanes{} : p * power;
}

inline Lanes sigmoid(Lanes x) { return 1.0f / (1.0f + exp(-x)); }

}  // namespace dws
