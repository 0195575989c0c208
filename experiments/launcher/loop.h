// The whole loop, as separate processes: doorbell, environment, trainer, workers; watched through
// the events they write, with the mishaps an experiment asks for. All on this machine, unless each
// is told to run behind a prefix of its own ("ip netns exec trainer").
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "experiments/launcher/story.h"

namespace dws {

// How the processes of one role differ from the others.
struct Role {
    std::vector<std::string> prefix;     // words before its command
    std::vector<std::string> overrides;  // "keys.own=trainer.key", after those for all
    std::vector<std::string> flags;      // at its command's end
};
// environment, trainer and worker read the config; doorbell and verify are verbs of dws, which take
// flags. verify runs once, at the end.
inline constexpr const char* kRoles[] = {"doorbell", "environment", "trainer", "worker", "verify"};

struct LoopOptions {
    std::filesystem::path binaries;          // folder of trainer_bridge and the others
    std::filesystem::path config;            // YAML
    std::filesystem::path output;            // everything the run leaves; made anew
    std::vector<std::string> overrides;      // "trainer.steps=50", for every process
    std::map<std::string, Role> roles;       // by a name of kRoles
    std::string trainer = "trainer_bridge";  // the program that publishes; reads the config
    std::string bucket;                      // uri; empty: a folder in `output`
    std::string doorbell_inside, doorbell_outside, environment;  // endpoints; empty: on loopback
    int workers = 2;
    double doorbell_drop = 0, doorbell_repeat = 0, doorbell_delay_ms = 0;
    std::int64_t kill_doorbell_at_step = -1;  // SIGKILL, and it stays dead
    std::int64_t kill_worker_at_step = -1;    // SIGKILL of one, and a newcomer starts
    bool evaluates = true;                    // first and last version, after the end
    bool shows_screen = false;                // a live view; otherwise now and then a line
    double timeout_s = 3600;
};

// Throws std::runtime_error with the failing program's last lines when a program fails, when the
// bucket does not verify, or when the time is up.
Story run_loop(const LoopOptions& options, std::stop_token stop);

}  // namespace dws
