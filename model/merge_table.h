// Byte-pair encoding: of two neighbours that the file has a rule for, the pair of the earliest rule
// becomes one token, the leftmost first, until no rule fits.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace dws {

struct MergeRule {
    std::int32_t left = 0;
    std::int32_t right = 0;
    std::int32_t merged = 0;
};

class MergeTable {
public:
    // rules: (rules,) the first one is merged before all others; of two for one pair the later
    // holds. Ids are not negative.
    explicit MergeTable(std::span<const MergeRule> rules);

    // tokens: (bytes,) one for each byte of a piece. O(n log n).
    std::vector<std::int32_t> merge(std::span<const std::int32_t> tokens) const;

private:
    struct Ranked {
        std::int32_t rank;  // place among the rules
        std::int32_t merged;
    };
    const Ranked* rule_of(std::int32_t left, std::int32_t right) const;

    std::unordered_map<std::uint64_t, Ranked> rules_;  // (left, right) in one word -> its rule
};

}  // namespace dws
