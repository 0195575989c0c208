// Plays scenarios, several runs side by side, and fills in the table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "experiments/faults/s3_server.h"
#include "experiments/faults/scenario.h"
#include "experiments/faults/tally.h"

namespace dws {

struct RunnerOptions {
    std::filesystem::path binaries;
    std::filesystem::path config;
    std::filesystem::path scripts;  // experiments/s3_server
    std::filesystem::path output;   // everything the runs leave; of a clean round nothing stays
    std::uint64_t seed = 0;
    int repetitions = 0;  // of each scenario; 0: as many as it says
    int side_by_side = 2;
    bool is_talkative = false;  // a line per round on standard output
};

// server: null, and every bucket is a folder; scenarios that need a server are skipped.
void play(const std::vector<Scenario>& scenarios, const RunnerOptions& options, S3Server* server,
          TallyTable& table, std::stop_token stop);

}  // namespace dws
