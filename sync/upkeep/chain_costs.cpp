#include "sync/upkeep/chain_costs.h"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "base/require.h"

namespace dws {

void check(const CostModel& model) {
    std::int64_t before = 1;
    for (const std::int64_t versions : model.fold_versions) {
        if (versions <= before || versions % before != 0)
            throw std::runtime_error(
                "folds take 2 versions or more, each a multiple of the ones "
                "before it (8, 64)");
        before = versions;
    }
    if (!(model.expected_readers >= 0) || !std::isfinite(model.expected_readers))
        throw std::runtime_error("the number of expected readers is 0 or more");
    if (!(model.anchor_share > 0) || !std::isfinite(model.anchor_share))
        throw std::runtime_error("an anchor's share is above 0");
}

ChainCosts::ChainCosts(CostModel model) : model_(std::move(model)) { check(model_); }

void ChainCosts::begin(std::int64_t anchor, std::uint64_t anchor_bytes) {
    anchor_ = anchor;
    anchor_bytes_ = anchor_bytes;
    from_anchor_ = {{anchor, 0}};
}

void ChainCosts::add(std::int64_t base, std::int64_t version, std::uint64_t bytes) {
    require(base < version && from_anchor_.contains(base), "roads start where one has ended");
    const std::uint64_t cost = from_anchor_.at(base) + bytes + model_.step_bytes;
    const auto [known, is_first] = from_anchor_.emplace(version, cost);
    if (!is_first && cost < known->second) known->second = cost;
}

std::uint64_t ChainCosts::road_bytes(std::int64_t base, std::int64_t version) const {
    require(from_anchor_.contains(base) && from_anchor_.contains(version), "both were added");
    return from_anchor_.at(version) - from_anchor_.at(base);
}

// Reading the fold instead of the road saves road - fold; (road - fold) x readers > fold.
std::uint64_t ChainCosts::largest_fold_bytes(std::int64_t base, std::int64_t version) const {
    const std::uint64_t road = road_bytes(base, version);
    if (road <= model_.step_bytes) return 0;
    const double readers = model_.expected_readers;
    const double limit = static_cast<double>(road - model_.step_bytes) * readers / (readers + 1);
    return limit < 1 ? 0 : static_cast<std::uint64_t>(std::ceil(limit)) - 1;
}

bool ChainCosts::needs_anchor(std::int64_t version) const {
    return static_cast<double>(road_bytes(anchor_, version)) >
           model_.anchor_share * static_cast<double>(anchor_bytes_);
}

std::uint64_t ChainCosts::catch_up_bytes(std::int64_t version) const {
    return anchor_bytes_ + road_bytes(anchor_, version);
}

}  // namespace dws
