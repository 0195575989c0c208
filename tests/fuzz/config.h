// What must hold whatever text an experiment's file holds: it is refused with a reason, or every
// value is in its range. A broken promise ends the program: the fuzzer keeps the input, the replay
// of the corpus fails.
#pragma once

#include <cmath>
#include <stdexcept>
#include <string>

#include "base/bytes.h"
#include "base/identity.h"
#include "base/require.h"
#include "configs/config.h"

namespace dws {

inline void check_identity_text(const std::string& text) {
    require(text.empty() || bool(parse_identity(text)), "a key of a config is one");
}

inline void check_config(const Config& config) {
    require(config.env.sessions_max >= 1, "an environment has a session");
    require(config.env.requests_per_second > 0, "a client may ask");
    require(config.worker.slots >= 1 && config.worker.group_size >= 1, "a worker plays");
    require(config.trainer.groups_per_step >= 1, "a step has a group");
    for (const double number : {config.trainer.learning_rate, config.trainer.epsilon,
                                config.bucket.latency_ms, config.doorbell.poll_ms}) {
        require(std::isfinite(number) && number >= 0, "numbers are finite");
    }
    require(config.trainer.beta1 < 1 && config.trainer.beta2 < 1, "moments fade");
    check_identity_text(config.keys.trainer);
    check_identity_text(config.keys.environment);
    check_identity_text(config.keys.doorbell);
    for (const std::string& text : config.keys.workers) check_identity_text(text);
    for (const std::string& text : config.keys.compactors) check_identity_text(text);
}

// True when the bytes are an experiment.
inline bool fuzz_config(std::span<const std::byte> input) {
    try {
        check_config(parse_config(std::string(text_of(input)), "fuzz.yaml", {}));
        return true;
    } catch (const std::runtime_error& error) {
        const std::string reason = error.what();
        require(reason.starts_with("fuzz.yaml"), "a refusal names the file");
        require(reason.find("dws-secret-") == std::string::npos, "no private key is repeated");
        return false;
    }
}

}  // namespace dws
