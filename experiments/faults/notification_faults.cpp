// A doorbell that loses, doubles or delays rings, each by its own random time.
#include "experiments/faults/scenario.h"

namespace dws {
namespace {

Scenario ringing(const std::string& name, const std::string& option, double least, double most) {
    const auto repeat = [=](Arena& arena, Dice& dice) -> Trouble {
        arena.system().kill("doorbell");
        arena.system().start_doorbell({option, std::to_string(dice.uniform(least, most)), "--seed",
                                       std::to_string(dice.whole(1, 1'000'000))});
        return arena.wait_versions(5);
    };
    return {"rings_" + name, 20, repeating(repeat)};
}

}  // namespace

std::vector<Scenario> notification_faults() {
    return {ringing("lost", "--drop", 0.3, 1), ringing("doubled", "--repeat", 0.3, 1),
            ringing("reordered", "--delay-ms", 50, 500)};
}

}  // namespace dws
