#include "rollout_worker/follower.h"

#include <chrono>
#include <stdexcept>

namespace dws {
namespace {

SubscriberOptions subscriber_options(const Config& config, const WorkerTrust& trust,
                                     std::int64_t stop_at_version) {
    SubscriberOptions options;
    options.run = config.run.name;
    options.trust = trust.log;
    options.doorbell = trust.outside;
    options.poll = std::chrono::milliseconds(static_cast<std::int64_t>(config.doorbell.poll_ms));
    options.hold_back_versions = stop_at_version < 0 ? config.worker.hold_back_versions : 0;
    options.stop_at_version = stop_at_version;
    options.full_rescan = config.sync.full_rescan;
    options.rescan_tiles = static_cast<std::size_t>(config.sync.rescan_tiles);
    return options;
}

// In the pause those that generate have nothing else to do.
ReplicaThreads replica_threads(const WorkerSection& worker) {
    const auto staging = static_cast<std::size_t>(worker.sync_threads);
    return {.staging = staging, .pause = staging + static_cast<std::size_t>(worker.threads)};
}

}  // namespace

Follower::Follower(const Config& config, const WorkerTrust& trust, const ModelConfig& model,
                   Bucket& bucket, EventLog& log, std::int64_t stop_at_version)
    : weights_(model, config.worker.weight_copies, replica_threads(config.worker)),
      report_(log, weights_.replica().table().words()),
      subscriber_(bucket, weights_.replica(), subscriber_options(config, trust, stop_at_version),
                  events()) {}

SubscriberEvents Follower::events() {
    SubscriberEvents events;
    events.rescanned = [this](std::int64_t version, std::size_t tiles, const Error* error) {
        report_.rescanned(version, tiles, error);
    };
    events.fault = [this](const Error& error, const std::string& next_action) {
        report_.fault(error, next_action);
    };
    return events;
}

void Follower::commit_staged(Engine* engine) {
    if (!subscriber_.has_staged()) return;
    const Stopwatch stall;
    const CommitReport commit = subscriber_.commit();
    if (engine) give_weights(*engine);
    report_.committed(commit, stall.ms());
}

void Follower::give_weights(Engine& engine) const {
    engine.set_weights(weights_.words(), replica().version(), replica().trainer_step());
}

void Follower::throw_on_failure() const {
    if (const std::optional<Error> failure = subscriber_.failure()) {
        throw std::runtime_error("the log cannot be followed any further: " + final_line(*failure));
    }
}

}  // namespace dws
