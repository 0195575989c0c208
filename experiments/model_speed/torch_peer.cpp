#include "experiments/model_speed/torch_peer.h"

#include "experiments/model_speed/peer_report.h"

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
    report.versions = read_report(output, [&](const std::string& kind, std::istream& fields) {
        if (kind == "peak_mib") fields >> report.peak_mib;
        if (kind != "step") return true;
        int threads = 0;
        StepTimes& times = report.steps.emplace_back();
        fields >> threads >> times.forward_s >> times.head_loss_s >> times.backward_s >>
            times.optimizer_s >> times.total_s >> times.cpu_s;
        return static_cast<bool>(fields);
    });
    require_whole(report.steps.size() == steps && report.peak_mib > 0, output);
    return report;
}

}  // namespace dws
