// What is done to a run, again and again.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "experiments/faults/arena.h"
#include "experiments/faults/dice.h"
#include "experiments/faults/not_possible.h"

namespace dws {

// Some repetitions in one run.
class Round {
public:
    virtual ~Round() = default;
    // Before anything is started. Throws NotPossible.
    virtual void prepare(ArenaPlan&) {}
    // Once, when the first versions are there.
    virtual Trouble begin(Arena&) { return ""; }
    // The fault, at a random moment, and the way back. Empty: new versions have come since.
    virtual Trouble repeat(Arena& arena, Dice& dice) = 0;
};

struct Scenario {
    std::string name;
    int repetitions = 20;
    std::function<std::unique_ptr<Round>()> make;
    bool has_proxy = false;       // a FaultProxy between the processes and the server
    bool has_own_server = false;  // nobody else may be hit by what happens to it
    bool is_waiting = false;      // mostly: many rounds fit side by side
};

// A round that is one function.
std::function<std::unique_ptr<Round>()> repeating(
    std::function<Trouble(Arena& arena, Dice& dice)> repeat);

// In the order of the table.
std::vector<Scenario> process_kills();
std::vector<Scenario> store_answers();
std::vector<Scenario> notification_faults();
std::vector<Scenario> object_damage();
std::vector<Scenario> game_damage();
std::vector<Scenario> log_damage();
std::vector<Scenario> several_writers();
std::vector<Scenario> machine_faults();
std::vector<Scenario> network_cuts();
std::vector<Scenario> all_scenarios();

}  // namespace dws
