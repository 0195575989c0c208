// Games that belong together, collected as they finish. For reinforcement all games of a group
// have one environment seed, so that they differ by what the policy did and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rollout_worker/episode.h"
#include "sync/games/game_group.h"

namespace dws {

struct GroupPlan {
    std::uint64_t seed = 0;                // names the group; sampling seeds derive from it
    std::vector<std::uint64_t> env_seeds;  // (games,)
    bool is_demonstration = false;
};

// games > 0. One environment seed, `seed`, for all games.
GroupPlan plan_group(std::uint64_t seed, std::size_t games);
// An environment seed of its own for every game: a demonstration shows as much as possible.
GroupPlan plan_demonstrations(std::uint64_t seed, std::size_t games);

class GroupAssembly {
public:
    explicit GroupAssembly(GroupPlan plan);

    const GroupPlan& plan() const { return plan_; }
    // Each index once.
    void add(std::size_t index, FinishedGame game);
    bool is_whole() const { return missing_ == 0; }
    // Once it is whole. allowed_tokens and temperature: of the sampling.
    GameGroup to_group(std::vector<std::int32_t> allowed_tokens, float temperature) const;

private:
    GroupPlan plan_;
    std::vector<std::optional<FinishedGame>> games_;
    std::size_t missing_;
};

}  // namespace dws
