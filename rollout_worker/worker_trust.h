// Who this process is and whom it believes, as the config's section `keys` says.
#pragma once

#include <optional>

#include "base/identity.h"
#include "configs/config.h"
#include "sync/doorbell_end.h"
#include "sync/trust.h"

namespace dws {

struct WorkerTrust {
    std::optional<Identity> own;  // signs the games, speaks to environment and doorbell
    Trust log;                    // who may say what the weights are
    DoorbellEnd inside, outside;  // of the doorbell
};

// Makes the folder of the trust's memory, run.output/trust unless keys.memory names another place.
// Throws std::runtime_error that names what cannot be used.
WorkerTrust worker_trust(const Config& config);

}  // namespace dws
