// The same training step in PyTorch: torch_step.py, which has the machine's memory to itself while
// it runs.
#pragma once

#include <string>
#include <vector>

#include "experiments/model_speed/peer_script.h"
#include "experiments/model_speed/training_trial.h"

namespace dws {

struct TorchReport {
    std::string versions;
    std::vector<StepTimes> steps;  // one per number of threads, in the order asked for
    double peak_mib = 0;
};

// optimizer: "fp32" or "bf16", see the script. Throws std::runtime_error as output_of() and
// parse_torch_report() do.
TorchReport run_torch(const PeerScript& script, const ModelConfig& model, int tokens,
                      const std::string& optimizer, const std::vector<int>& threads);

// What the script printed, other lines among it. Throws std::runtime_error when something of a
// report is missing.
TorchReport parse_torch_report(const std::string& output, std::size_t steps);

}  // namespace dws
