#include "experiments/qwen3_sync/worker_watch.h"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "base/clock.h"
#include "base/stop_signal.h"

namespace dws {
namespace {

constexpr double kPatience_s = 600;
constexpr double kLook_s = 0.005;

}  // namespace

void WorkerWatch::wait_for_commit(std::int64_t version, std::stop_token stop) {
    const Stopwatch waiting;
    for (look(); committed_ < version; look()) {
        if (sleep_or_stop(kLook_s, stop)) return;
        if (waiting.seconds() > kPatience_s)
            throw std::runtime_error("no worker has committed version " + std::to_string(version));
    }
}

void WorkerWatch::wait_for_tokens(std::stop_token stop) {
    const Stopwatch waiting;
    for (look(); tokens_ == 0; look()) {
        if (sleep_or_stop(kLook_s, stop)) return;
        if (waiting.seconds() > kPatience_s) throw std::runtime_error("no worker plays");
    }
}

void WorkerWatch::look() {
    tail_.poll([this](const std::string&, const nlohmann::json& event) {
        const std::string kind = event.value("event", "");
        if (kind == "commit") committed_ = event.value("version", committed_);
        if (kind == "tokens") tokens_ = event.value("generated_tokens", tokens_);
    });
}

}  // namespace dws
