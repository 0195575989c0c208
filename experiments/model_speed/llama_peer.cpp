#include "experiments/model_speed/llama_peer.h"

#include <fmt/format.h>

#include <sstream>
#include <stdexcept>

namespace dws {

LlamaReport run_llama(const PeerScript& script, const ModelConfig& model,
                      const std::vector<DecodeCase>& cases) {
    std::vector<std::string> arguments = size_arguments(model);
    arguments.push_back("--cases");
    for (const DecodeCase& one : cases) {
        arguments.push_back(fmt::format("{},{},{}", one.threads, one.batch, one.context));
    }
    return parse_llama_report(output_of(script, arguments), cases.size());
}

LlamaReport parse_llama_report(const std::string& output, std::size_t steps) {
    LlamaReport report;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string kind;
        fields >> kind;
        if (kind == "versions") {
            std::getline(fields >> std::ws, report.versions);
        } else if (kind == "decode") {
            LlamaStep step{};
            fields >> step.of.threads >> step.of.batch >> step.of.context >> step.step_s;
            if (!fields) throw std::runtime_error("not a step's time: " + line);
            report.steps.push_back(step);
        }
    }
    if (report.versions.empty() || report.steps.size() != steps)
        throw std::runtime_error("not a whole report:\n" + last_lines(output));
    return report;
}

}  // namespace dws
