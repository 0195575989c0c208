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

// In sixteenths of a bit, by order and bit length. A number of b bits costs
// 2 * bits(number + 2^order) - 1 - order; for a share of 2^(order - b + 1) of those numbers the sum
// has b + 1 bits. A tile's lengths sum to below 2^32.
constexpr auto kGolombCosts = [] {
    std::array<std::array<std::uint32_t, std::tuple_size_v<LengthHistogram>>, kListedSteps> costs{};
    for (unsigned order = 0; order < kListedSteps; ++order) {
        for (unsigned length = 0; length < costs[order].size(); ++length) {
            costs[order][length] = length <= order ? 16 * (order + 1)
                                                   : 16 * (2 * length - 1 - order) +
                                                         (32u >> std::min(length - 1 - order, 31u));
        }
    }
    return costs;
}();

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

GolombChoice choose_golomb(const LengthHistogram& lengths) {
    unsigned longest = 32;
    while (longest > 0 && lengths[longest] == 0) --longest;
    GolombChoice best{0, UINT64_MAX};
    for (unsigned order = 0; order <= std::min(longest, kListedSteps - 1); ++order) {
        std::uint32_t cost = 0;  // no early end: the compiler makes vectors of this
        for (std::size_t length = 0; length < lengths.size(); ++length) {
            cost += lengths[length] * kGolombCosts[order][length];
        }
        if (cost < best.cost) best = GolombChoice{static_cast<std::uint8_t>(order), cost};
    }
    return best;
}

}  // namespace dws
