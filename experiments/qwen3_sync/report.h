// The experiment's results from what its runs left behind: one JSON file with medians and rows, the
// table beside the published numbers, and the tables that the plots are drawn from.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "experiments/qwen3_sync/run_story.h"
#include "experiments/qwen3_sync/version_sizes.h"

namespace dws {

// A run with a trainer: its events, and its versions in every format.
struct TrainingRun {
    std::string learning_rate;
    RunStory story;
    std::vector<VersionSizes> sizes;
};

struct ExperimentRuns {
    std::string machine, commit, model, date;
    std::vector<TrainingRun> trained;         // the first is the one that is reported at the top
    std::map<std::string, RunStory> replays;  // "loopback-ours", "100mbit-raw", ...
};

// Writes `json`, and into `folder` table.md, steps-<learning rate>.tsv, and timeline-<replay>.tsv
// of the loopback replays. Throws std::runtime_error when there is nothing to report, or a file
// cannot be written.
void write_report(const ExperimentRuns& runs, const std::filesystem::path& json,
                  const std::filesystem::path& folder);

}  // namespace dws
