#include "sync/codec/compact_codes.h"

#include <algorithm>

#include "sync/codec/compact_format.h"

namespace dws {

namespace {

std::uint32_t sum_of_quotients(std::span<const std::uint32_t> gaps, unsigned rice) {
    std::uint32_t sum = 0;
    for (const std::uint32_t gap : gaps) sum += gap >> rice;
    return sum;
}

}  // namespace

// For geometric gaps the best is near log2(ln 2 * mean); clustered ones prefer less.
RiceChoice choose_rice(std::span<const std::uint32_t> gaps) {
    if (gaps.empty()) return {};
    const std::size_t mean = sum_of_quotients(gaps, 0) / gaps.size();
    const unsigned highest =
        std::min(kMaxRice, mean == 0 ? 0u : static_cast<unsigned>(std::bit_width(mean)) - 1);
    const unsigned lowest = highest < 2 ? 0 : highest - 2;
    RiceChoice choice;
    std::size_t best = SIZE_MAX;
    for (unsigned rice = lowest; rice <= highest; ++rice) {
        const std::size_t quotient_bits = gaps.size() + sum_of_quotients(gaps, rice);
        if (quotient_bits + rice * gaps.size() >= best) continue;
        best = quotient_bits + rice * gaps.size();
        choice = RiceChoice{static_cast<std::uint8_t>(rice), quotient_bits};
    }
    return choice;
}

// A number of b bits costs 2 * bits(number + 2^order) - 1 - order; for a share of 2^(order - b + 1)
// of those numbers the sum has b + 1 bits.
GolombChoice choose_golomb(const LengthHistogram& lengths) {
    unsigned longest = 32;
    while (longest > 0 && lengths[longest] == 0) --longest;
    GolombChoice best{0, UINT64_MAX};
    for (unsigned order = 0; order <= std::min(longest, kListedSteps - 1); ++order) {
        std::uint64_t cost = 0;
        for (unsigned length = 0; length <= longest; ++length) {
            const std::uint64_t bits =
                length <= order ? 16 * (order + 1)
                                : 16 * (2 * length - 1 - order) + (32u >> (length - 1 - order));
            cost += lengths[length] * bits;
        }
        if (cost < best.cost) best = GolombChoice{static_cast<std::uint8_t>(order), cost};
    }
    return best;
}

}  // namespace dws
