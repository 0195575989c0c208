#include "experiments/model_speed/llama_peer.h"

#include <fmt/format.h>

#include "experiments/model_speed/peer_report.h"

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
    report.versions = read_report(output, [&](const std::string& kind, std::istream& fields) {
        if (kind != "decode") return true;
        LlamaStep& step = report.steps.emplace_back();
        fields >> step.of.threads >> step.of.batch >> step.of.context >> step.step_s;
        return static_cast<bool>(fields);
    });
    require_whole(report.steps.size() == steps, output);
    return report;
}

}  // namespace dws
