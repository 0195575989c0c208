#include "trainer_bridge/advantage.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace dws {
namespace {

constexpr double kDeviationFloor = 0.01;  // keeps a group of nearly equal games from being blown up
constexpr double kRounding = 1e-6;

using Returns = std::vector<std::vector<double>>;  // (games, turns of the game)

std::size_t longest(const Returns& returns) {
    std::size_t turns = 0;
    for (const std::vector<double>& game : returns) turns = std::max(turns, game.size());
    return turns;
}

Returns returns_to_go(const GameGroup& group) {
    Returns returns;
    for (const Game& game : group.games) {
        std::vector<double> to_go(game.turn_rewards.begin(), game.turn_rewards.end());
        for (std::size_t turn = to_go.size(); turn-- > 1;) to_go[turn - 1] += to_go[turn];
        returns.push_back(std::move(to_go));
    }
    return returns;
}

Returns episode_returns(const GameGroup& group) {
    Returns returns;
    for (const Game& game : group.games) {
        returns.emplace_back(std::size_t{1}, static_cast<double>(game.reward));
    }
    return returns;
}

// Minus the mean over the games still alive at that turn.
Returns centered(Returns returns) {
    for (std::size_t turn = 0; turn < longest(returns); ++turn) {
        double sum = 0, alive = 0;
        for (const std::vector<double>& game : returns) {
            if (turn >= game.size()) continue;
            sum += game[turn];
            alive += 1;
        }
        for (std::vector<double>& game : returns) {
            if (turn < game.size()) game[turn] -= sum / alive;
        }
    }
    return returns;
}

Returns differences(const GameGroup& group, AdvantageMode mode) {
    return centered(mode == AdvantageMode::turn ? returns_to_go(group) : episode_returns(group));
}

double root_mean_square(const Returns& values) {
    double squares = 0, count = 0;
    for (const std::vector<double>& game : values) {
        for (const double value : game) squares += value * value;
        count += static_cast<double>(game.size());
    }
    return count > 0 ? std::sqrt(squares / count) : 0;
}

}  // namespace

AdvantageMode advantage_mode(const std::string& name) {
    if (name == "turn") return AdvantageMode::turn;
    if (name == "episode") return AdvantageMode::episode;
    throw std::runtime_error("trainer.advantage is \"" + name + "\"; it is turn or episode");
}

Advantages group_advantages(const GameGroup& group, AdvantageMode mode) {
    const Returns values = differences(group, mode);
    const double deviation = root_mean_square(values) + kDeviationFloor;
    Advantages advantages;
    for (std::size_t game = 0; game < group.games.size(); ++game) {
        std::vector<float> of_turns(group.games[game].turn_rewards.size());
        for (std::size_t turn = 0; turn < of_turns.size(); ++turn) {
            const double value = values[game][mode == AdvantageMode::turn ? turn : 0];
            of_turns[turn] = static_cast<float>(value / deviation);
        }
        advantages.push_back(std::move(of_turns));
    }
    return advantages;
}

bool has_no_variance(const GameGroup& group, AdvantageMode mode) {
    const Returns values = differences(group, mode);
    return std::ranges::all_of(values, [](const std::vector<double>& game) {
        return std::ranges::all_of(game,
                                   [](double value) { return std::fabs(value) <= kRounding; });
    });
}

}  // namespace dws
