#include "rollout_worker/group.h"

#include <utility>

#include "base/require.h"
#include "rollout_worker/seeds.h"

namespace dws {

GroupPlan plan_group(std::uint64_t seed, std::size_t games) {
    return {seed, std::vector<std::uint64_t>(games, seed), false};
}

GroupPlan plan_demonstrations(std::uint64_t seed, std::size_t games) {
    GroupPlan plan{seed, {}, true};
    for (std::size_t i = 0; i < games; ++i) plan.env_seeds.push_back(derive_seed(seed, i));
    return plan;
}

GroupAssembly::GroupAssembly(GroupPlan plan)
    : plan_(std::move(plan)), games_(plan_.env_seeds.size()), missing_(games_.size()) {
    require(!games_.empty(), "a group has games");
}

void GroupAssembly::add(std::size_t index, FinishedGame game) {
    require(index < games_.size() && !games_[index], "every game of a group finishes once");
    games_[index] = std::move(game);
    missing_ -= 1;
}

GameGroup GroupAssembly::to_group(std::vector<std::int32_t> allowed_tokens,
                                  float temperature) const {
    require(is_whole(), "a group is handed over whole");
    GameGroup group;
    group.is_demonstration = plan_.is_demonstration;
    group.seed = plan_.seed;
    group.allowed_tokens = std::move(allowed_tokens);
    group.temperature = temperature;
    for (const std::optional<FinishedGame>& finished : games_) {
        group.games.push_back(finished->game);
        group.outcomes["won"].push_back(finished->has_won ? 1.0f : 0.0f);
        group.outcomes["turns"].push_back(static_cast<float>(finished->turns));
        group.outcomes["valid"].push_back(static_cast<float>(finished->valid_share));
    }
    return group;
}

}  // namespace dws
