// What a group must be to travel, asked by the sender before and by the receiver after the way.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "sync/bucket/bucket.h"
#include "sync/games/game_group.h"

namespace dws {
namespace {

bool are_finite(const std::vector<float>& values) {
    return std::all_of(values.begin(), values.end(),
                       [](float value) { return std::isfinite(value); });
}

bool is_worker_name(const std::string& name) {
    return is_valid_key(name) && name.find('/') == std::string::npos &&
           name.size() <= kMaxWorkerName;
}

bool is_outcome_name(const std::string& name) {
    const auto is_letter = [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
               letter == '_';
    };
    return !name.empty() && name.size() <= kMaxOutcomeName &&
           std::all_of(name.begin(), name.end(), is_letter);
}

const char* token_fault(const Game& game, std::size_t token, bool is_demonstration) {
    if (game.tokens[token] < 0) return "has a negative token";
    if (game.turns[token] < 0 ||
        static_cast<std::size_t>(game.turns[token]) >= game.turn_rewards.size())
        return "has a turn without a reward";
    if (game.loss_mask[token] > 1) return "has a loss mask that is neither 0 nor 1";
    const bool is_sampled = game.loss_mask[token] == 1 && !is_demonstration;
    const std::int64_t least = is_sampled ? 0 : kNoVersion;
    if (game.versions[token] < least || game.steps[token] < least)
        return "has a sampled token without the version that sampled it";
    return nullptr;
}

std::string game_fault(const Game& game, bool is_demonstration) {
    const std::size_t tokens = game.tokens.size();
    if (tokens == 0) return "has no tokens";
    if (game.turns.size() != tokens || game.loss_mask.size() != tokens ||
        game.logprobs.size() != tokens || game.versions.size() != tokens ||
        game.steps.size() != tokens)
        return "has fields of different lengths";
    if (game.turn_rewards.size() > kMaxGameTurns) return "has too many turns";
    if (!are_finite(game.logprobs)) return "has a log-probability that is not finite";
    if (!are_finite(game.turn_rewards) || !std::isfinite(game.reward))
        return "has a reward that is not finite";
    for (std::size_t token = 0; token < tokens; ++token)
        if (const char* fault = token_fault(game, token, is_demonstration)) return fault;
    return {};
}

std::string outcomes_fault(const GameGroup& group) {
    if (group.outcomes.size() > kMaxOutcomes) return "too many outcomes";
    for (const auto& [name, values] : group.outcomes) {
        if (!is_outcome_name(name)) return "an outcome's name is not of a-z, 0-9 and _";
        if (values.size() != group.games.size() || !are_finite(values))
            return fmt::format("outcome {} is not one finite number per game", name);
    }
    return {};
}

}  // namespace

std::string group_fault(const GameGroup& group) {
    if (!is_worker_name(group.worker)) return "the worker's name cannot stand in a key";
    if (group.number < 0) return "its number is negative";
    if (group.games.empty() || group.games.size() > kMaxGroupGames)
        return fmt::format("{} games, not 1 to {}", group.games.size(), kMaxGroupGames);
    if (!std::isfinite(group.temperature) || group.temperature <= 0)
        return "its temperature is not above 0";
    if (group.allowed_tokens.size() > kMaxAllowedTokens) return "too many allowed tokens";
    if (std::any_of(group.allowed_tokens.begin(), group.allowed_tokens.end(),
                    [](std::int32_t token) { return token < 0; }))
        return "an allowed token is negative";
    std::size_t tokens = 0;
    for (std::size_t index = 0; index < group.games.size(); ++index) {
        const std::string fault = game_fault(group.games[index], group.is_demonstration);
        if (!fault.empty()) return fmt::format("game {} {}", index, fault);
        tokens += group.games[index].tokens.size();
    }
    if (tokens > kMaxGroupTokens) return "too many tokens";
    return outcomes_fault(group);
}

}  // namespace dws
