#include "experiments/faults/scenario.h"

#include <utility>

namespace dws {
namespace {

class FunctionRound : public Round {
public:
    explicit FunctionRound(std::function<Trouble(Arena&, Dice&)> repeat)
        : repeat_(std::move(repeat)) {}
    Trouble repeat(Arena& arena, Dice& dice) override { return repeat_(arena, dice); }

private:
    const std::function<Trouble(Arena&, Dice&)> repeat_;
};

}  // namespace

std::function<std::unique_ptr<Round>()> repeating(
    std::function<Trouble(Arena& arena, Dice& dice)> repeat) {
    return [repeat = std::move(repeat)] { return std::make_unique<FunctionRound>(repeat); };
}

std::vector<Scenario> all_scenarios() {
    std::vector<Scenario> all;
    for (auto* group : {process_kills, store_answers, notification_faults, object_damage,
                        game_damage, log_damage, several_writers, machine_faults, network_cuts})
        for (Scenario& scenario : group()) all.push_back(std::move(scenario));
    return all;
}

}  // namespace dws
