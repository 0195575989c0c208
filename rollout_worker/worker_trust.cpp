#include "rollout_worker/worker_trust.h"

#include <filesystem>
#include <string>

#include "configs/socket_keys.h"

namespace dws {
namespace {

// Who pins no key takes any log, so that there is nothing to remember.
std::filesystem::path memory_of(const Config& config) {
    if (config.keys.trainer.empty()) return {};
    const std::filesystem::path memory =
        config.keys.memory.empty()
            ? std::filesystem::path(config.run.output) / "trust" / "accepted.json"
            : std::filesystem::path(config.keys.memory);
    if (memory.has_parent_path()) std::filesystem::create_directories(memory.parent_path());
    return memory;
}

}  // namespace

WorkerTrust worker_trust(const Config& config) {
    WorkerTrust trust;
    trust.own = own_identity(config.keys);
    trust.log = trust_from({.log = config.keys.trainer,
                            .since = config.keys.since,
                            .jumps = config.keys.compactors,
                            .games = config.keys.workers,
                            .memory = memory_of(config).string()});
    const SocketKeys doorbell = keys_to_doorbell(config, trust.own);
    trust.inside = {config.doorbell.inside, doorbell};
    trust.outside = {config.doorbell.outside, doorbell};
    return trust;
}

}  // namespace dws
