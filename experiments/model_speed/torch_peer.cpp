#include "experiments/model_speed/torch_peer.h"

#include <sstream>
#include <stdexcept>

namespace dws {

TorchReport run_torch(const PeerScript& script, const ModelConfig& model, int tokens,
                      const std::string& optimizer, const std::vector<int>& threads) {
    std::vector<std::string> arguments = size_arguments(model);
    arguments.insert(arguments.end(),
                     {"--optimizer", optimizer, "--tokens", std::to_string(tokens), "--threads"});
    for (const int count : threads) arguments.push_back(std::to_string(count));
    return parse_torch_report(output_of(script, arguments), threads.size());
}

TorchReport parse_torch_report(const std::string& output, std::size_t steps) {
    TorchReport report;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string kind;
        fields >> kind;
        if (kind == "versions") {
            std::getline(fields >> std::ws, report.versions);
        } else if (kind == "peak_mib") {
            fields >> report.peak_mib;
        } else if (kind == "step") {
            int threads = 0;
            StepTimes times;
            fields >> threads >> times.forward_s >> times.head_loss_s >> times.backward_s >>
                times.optimizer_s >> times.total_s >> times.cpu_s;
            if (!fields) throw std::runtime_error("not a step's times: " + line);
            report.steps.push_back(times);
        }
    }
    if (report.versions.empty() || report.steps.size() != steps || report.peak_mib <= 0)
        throw std::runtime_error("not a whole report:\n" + last_lines(output));
    return report;
}

}  // namespace dws
