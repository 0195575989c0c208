// SIGKILL of each process, at random moments.
#include <signal.h>

#include "experiments/faults/scenario.h"

namespace dws {
namespace {

constexpr int kRepetitions = 100;

// Somewhere in the work on one of the next versions.
Trouble wait_for_a_moment(Arena& arena, Dice& dice) {
    if (Trouble late = arena.wait_versions(dice.whole(1, 4)); !late.empty()) return late;
    arena.pause(dice.uniform(0, 0.15));
    return "";
}

Trouble kill_trainer(Arena& arena, Dice& dice) {
    if (Trouble late = wait_for_a_moment(arena, dice); !late.empty()) return late;
    arena.system().kill(arena.trainer);
    arena.system().start_trainer(arena.trainer, "--resume");
    if (dice.chance(0.25)) {  // and again, while it comes back
        arena.pause(dice.uniform(0, 0.3));
        arena.system().kill(arena.trainer);
        arena.system().start_trainer(arena.trainer, "--resume");
    }
    return arena.wait_versions(2);
}

Trouble kill_worker(Arena& arena, Dice& dice) {
    if (Trouble late = wait_for_a_moment(arena, dice); !late.empty()) return late;
    const std::vector<std::string> workers = arena.system().workers();
    const std::string& victim =
        workers[static_cast<std::size_t>(dice.whole(0, static_cast<int>(workers.size()) - 1))];
    arena.system().kill(victim);
    arena.system().forget(victim);
    const std::string newcomer = arena.system().start_worker();
    if (Trouble late = arena.wait_worker(newcomer, arena.audit().newest_version()); !late.empty())
        return late;
    return arena.wait_versions(2);
}

Trouble kill_environment(Arena& arena, Dice& dice) {
    if (Trouble late = wait_for_a_moment(arena, dice); !late.empty()) return late;
    arena.system().kill("env");
    arena.pause(dice.uniform(0, 0.3));
    arena.system().start_environment();
    return arena.wait_versions(4);  // games of the new one are among them
}

Trouble kill_doorbell(Arena& arena, Dice& dice) {
    if (Trouble late = wait_for_a_moment(arena, dice); !late.empty()) return late;
    arena.system().kill("doorbell");
    if (Trouble late = arena.wait_versions(1); !late.empty()) return late;  // nobody needs it
    arena.system().start_doorbell();
    return arena.wait_versions(1);
}

Trouble kill_server(Arena& arena, Dice& dice) {
    if (Trouble late = wait_for_a_moment(arena, dice); !late.empty()) return late;
    arena.plan().server->restart(dice.uniform(0, 0.8));
    return arena.wait_versions(2);
}

}  // namespace

std::vector<Scenario> process_kills() {
    return {{"trainer_killed", kRepetitions, repeating(kill_trainer)},
            {"worker_killed", kRepetitions, repeating(kill_worker)},
            {"env_killed", kRepetitions, repeating(kill_environment)},
            {"doorbell_killed", kRepetitions, repeating(kill_doorbell)},
            {"s3_server_killed", kRepetitions, repeating(kill_server), false, true}};
}

}  // namespace dws
