// When a shorter road through the log is worth writing: the compactor's cost model, in bytes.
// CHAINS.md derives it and shows what it leads to.
//
//   fold    what its readers save together is more than what it takes to write
//   anchor  the cheapest road from the newest one costs more than a share of it to read
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace dws {

struct CostModel {
    // Versions per fold, each a multiple of the one before it, so that roads stay nested.
    std::vector<std::int64_t> fold_versions{8, 64};
    double expected_readers = 8;   // that walk past where a fold could stand
    double anchor_share = 0.3;     // catching up costs at most 1 + this, in anchors
    std::uint64_t step_bytes = 0;  // what one more version on the road costs a reader besides its
                                   // bytes: round trips in seconds x the link's bytes per second
};

// Throws std::runtime_error naming what does not fit.
void check(const CostModel& model);

// Costs of roads since the newest anchor.
class ChainCosts {
public:
    explicit ChainCosts(CostModel model);

    void begin(std::int64_t anchor, std::uint64_t anchor_bytes);
    // A delta or a fold that is there. base: the anchor or a version added before.
    void add(std::int64_t base, std::int64_t version, std::uint64_t bytes);

    // The cheapest road from `base` to `version`, both added. base: no road that was added starts
    // before it and ends after it.
    std::uint64_t road_bytes(std::int64_t base, std::int64_t version) const;
    // The most that a fold from base to version may take to be worth writing; 0: none is.
    std::uint64_t largest_fold_bytes(std::int64_t base, std::int64_t version) const;
    bool needs_anchor(std::int64_t version) const;

    std::uint64_t anchor_bytes() const { return anchor_bytes_; }
    // For who holds nothing: the anchor and the cheapest road from there.
    std::uint64_t catch_up_bytes(std::int64_t version) const;

private:
    const CostModel model_;
    std::int64_t anchor_ = -1;
    std::uint64_t anchor_bytes_ = 0;
    std::map<std::int64_t, std::uint64_t> from_anchor_;  // version -> bytes of the cheapest road
};

}  // namespace dws
