// The two codes of numbers in a compact tile, and the choice of their parameters. Rice, for gaps:
// the number's low bits, and a unary count of the rest. Exp-Golomb of order k, for step lengths:
// the number plus 2^k, without its leading one, and a unary count of the bits it has beyond k.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace dws {

inline std::size_t bytes_for(std::size_t bits) { return (bits + 7) / 8; }

struct GolombCode {
    std::uint64_t suffix;
    unsigned extra_bits;   // in unary
    unsigned suffix_bits;  // order + extra_bits

    GolombCode(std::uint32_t number, unsigned order) {
        const std::uint64_t sum = std::uint64_t{number} + (std::uint64_t{1} << order);
        suffix_bits = static_cast<unsigned>(std::bit_width(sum)) - 1;
        extra_bits = suffix_bits - order;
        suffix = sum - (std::uint64_t{1} << suffix_bits);
    }
};

struct RiceChoice {
    std::uint8_t rice = 0;
    std::size_t quotient_bits = 0;  // the unary parts of all gaps
};
// gaps: of one tile, so that they sum to at most its words.
RiceChoice choose_rice(std::span<const std::uint32_t> gaps);

// How many numbers have each bit length.
using LengthHistogram = std::array<std::uint32_t, 33>;

struct GolombChoice {
    std::uint8_t order;
    std::uint64_t cost;  // in sixteenths of a bit, estimated
};
GolombChoice choose_golomb(const LengthHistogram& lengths);

}  // namespace dws
