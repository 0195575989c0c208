#include "trainer_bridge/trainer_trust.h"

#include <stdexcept>
#include <string>

#include "configs/socket_keys.h"

namespace dws {

TrainerTrust trainer_trust(const Config& config) {
    const KeysSection& keys = config.keys;
    TrainerTrust trust;
    trust.own = own_identity(keys);
    if (!trust.own && !keys.trainer.empty())
        throw std::runtime_error(
            "keys.trainer says who signs this run's log: name the file of that private key with "
            "--set keys.own=NAME.key (`dws keygen NAME` makes one)");
    if (trust.own && keys.workers.empty())
        throw std::runtime_error(
            "keys.workers: list the public keys of the workers whose games count (`dws keygen` on "
            "their machines prints them)");
    // After a change of keys the log itself says that its first key gave way to this one.
    const std::string signer =
        keys.trainer.empty() && trust.own ? trust.own->shared().text() : keys.trainer;
    trust.log = trust_from({.log = signer,
                            .since = keys.since,
                            .jumps = keys.compactors,
                            .games = keys.workers,
                            .memory = ""});
    const SocketKeys doorbell = keys_to_doorbell(config, trust.own);
    trust.inside = {config.doorbell.inside, doorbell};
    trust.outside = {config.doorbell.outside, doorbell};
    return trust;
}

}  // namespace dws
