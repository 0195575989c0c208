// rollout_worker: plays games with weights that arrive while it plays. worker.h has the loop.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "base/event_log.h"
#include "base/stop_signal.h"
#include "configs/command_line.h"
#include "rollout_worker/evaluation.h"
#include "rollout_worker/worker.h"
#include "rollout_worker/worker_trust.h"
#include "sync/bucket/bucket.h"
#include "sync/sha256.h"

namespace dws {
namespace {

constexpr std::size_t kWorkerIdBytes = 8;  // two workers of a run never draw the same

std::filesystem::path event_file(const Config& config, const std::string& label,
                                 const std::string& id) {
    const auto is_plain = [](unsigned char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-' || c == '_';
    };
    if (!std::ranges::all_of(label, is_plain)) {
        throw std::runtime_error("--id takes letters, digits, '-' and '_', not '" + label + "'");
    }
    const std::string name = label.empty() ? id : label + "-" + id;
    return std::filesystem::path(config.run.output) / "events" /
           ("rollout_worker-" + name + ".jsonl");
}

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    dws::StopSignal stop;
    std::string version;
    std::string label;
    return dws::run_main(
        argc, argv, "Plays games with weights that arrive while it plays.",
        {{"--evaluate", "Play evaluation.games games with this version, a number or 'latest'",
          nullptr, &version},
         {"--id", "A name for the event log's file; with run.seed it also decides the games played",
          nullptr, &label}},
        [&](const dws::Config& config) {
            const std::string id = dws::random_hex(dws::kWorkerIdBytes);
            dws::EventLog log("rollout_worker", dws::event_file(config, label, id));
            const dws::WorkerTrust trust = dws::worker_trust(config);
            const bool evaluates = !version.empty();
            const auto bucket =
                dws::open_bucket(config.bucket, stop.token(),
                                 evaluates ? dws::BucketAccess::read : dws::BucketAccess::write);
            if (evaluates) {
                return dws::evaluate(config, trust, *bucket, log, version, stop.token());
            }
            return dws::Worker(config, trust, *bucket, log, id, label.empty() ? id : label)
                .run(stop.token());
        });
}
