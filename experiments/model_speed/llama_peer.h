// Decoding by llama.cpp on the same shapes: llama_decode.py.
#pragma once

#include <string>
#include <vector>

#include "experiments/model_speed/peer_script.h"

namespace dws {

struct DecodeCase {
    int threads, batch, context;

    auto operator<=>(const DecodeCase&) const = default;
};

struct LlamaStep {
    DecodeCase of;
    double step_s;
};

struct LlamaReport {
    std::string versions;
    std::vector<LlamaStep> steps;  // in the order asked for
};

// Throws std::runtime_error as output_of() and parse_llama_report() do.
LlamaReport run_llama(const PeerScript& script, const ModelConfig& model,
                      const std::vector<DecodeCase>& cases);

// What the script printed, other lines among it. Throws std::runtime_error when something of a
// report is missing.
LlamaReport parse_llama_report(const std::string& output, std::size_t steps);

}  // namespace dws
