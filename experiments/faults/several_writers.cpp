// Two trainers for one run: at once, and one that wakes after another has taken over.
#include <fmt/format.h>
#include <signal.h>

#include <utility>

#include "experiments/faults/scenario.h"

namespace dws {
namespace {

constexpr int kRepetitions = 100;

// The one that lost has said why: another writer owns the log.
Trouble ended_as_superseded(Arena& arena, const std::string& name) {
    if (Trouble late = arena.wait_end(name); !late.empty()) return late;
    const std::string last = arena.system().last_line(name);
    const int status = arena.system().process(name).status().value_or(-1);
    arena.system().forget(name);
    if (status == 1 && last.find("superseded") != std::string::npos) return "";
    return fmt::format("{} ended with status {}: {}", name, status, last);
}

// Two machines write in turn: each has the checkpoints of its own last reign.
std::string other_of(const std::string& trainer) {
    return trainer == "trainer" ? "trainer_elsewhere" : "trainer";
}

Trouble take_over_while_it_writes(Arena& arena, Dice& dice) {
    arena.pause(dice.uniform(0, 0.3));
    const std::string old = std::exchange(arena.trainer, other_of(arena.trainer));
    arena.system().start_trainer(arena.trainer, "--take-over");
    return ended_as_superseded(arena, old);
}

// Both begin in the same moment where nobody wrote: one of them stays.
Trouble begin_together(Arena& arena, Dice& dice) {
    arena.system().kill(arena.trainer);
    const std::string first = arena.trainer, second = other_of(first);
    arena.system().start_trainer(first, "--resume");
    arena.pause(dice.chance(0.5) ? 0 : dice.uniform(0, 0.1));
    arena.system().start_trainer(second, "--take-over");
    Trouble both = arena.wait_until(
        [&] { return !arena.system().is_alive(first) || !arena.system().is_alive(second); },
        "end of one of two trainers", 20);
    if (!both.empty()) return both;
    arena.trainer = arena.system().is_alive(first) ? first : second;
    return ended_as_superseded(arena, other_of(arena.trainer));
}

Trouble two_trainers(Arena& arena, Dice& dice) {
    if (Trouble late = arena.wait_versions(dice.whole(1, 3)); !late.empty()) return late;
    const Trouble trouble =
        dice.chance(0.5) ? take_over_while_it_writes(arena, dice) : begin_together(arena, dice);
    return trouble.empty() ? arena.wait_versions(2) : trouble;
}

Trouble zombie(Arena& arena, Dice& dice) {
    if (Trouble late = arena.wait_versions(dice.whole(1, 3)); !late.empty()) return late;
    arena.pause(dice.uniform(0, 0.1));
    const std::string old = std::exchange(arena.trainer, other_of(arena.trainer));
    arena.system().process(old).signal(SIGSTOP);
    arena.system().start_trainer(arena.trainer, "--take-over");
    if (Trouble late = arena.wait_versions(2); !late.empty()) return late;
    arena.system().process(old).signal(SIGCONT);
    if (Trouble trouble = ended_as_superseded(arena, old); !trouble.empty()) return trouble;
    return arena.wait_versions(2);
}

}  // namespace

std::vector<Scenario> several_writers() {
    return {{"two_trainers", kRepetitions, repeating(two_trainers)},
            {"zombie_trainer", kRepetitions, repeating(zombie)}};
}

}  // namespace dws
