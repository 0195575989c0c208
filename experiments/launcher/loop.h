// The whole loop on one machine, as separate processes: doorbell, environment, trainer, workers;
// watched through the events they write, with the mishaps an experiment asks for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "experiments/launcher/story.h"

namespace dws {

struct LoopOptions {
    std::filesystem::path binaries;              // folder of trainer_bridge and the others
    std::filesystem::path config;                // YAML
    std::filesystem::path output;                // everything the run leaves; made anew
    std::vector<std::string> overrides;          // "trainer.steps=50", for every process
    std::vector<std::string> trainer_overrides;  // for the trainer alone: its side of the link
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
