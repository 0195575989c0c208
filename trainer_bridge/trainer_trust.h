// Who the trainer is and whose games it takes, as the config's section `keys` says.
#pragma once

#include <optional>

#include "base/identity.h"
#include "configs/config.h"
#include "sync/doorbell_end.h"
#include "sync/trust.h"

namespace dws {

struct TrainerTrust {
    std::optional<Identity> own;  // signs the log
    Trust log;                    // when it is read again: its key, compactors, workers
    DoorbellEnd inside, outside;  // of the doorbell
};

// Throws std::runtime_error that names what is missing: a trainer that signs knows its workers, and
// one whose followers expect its key has it.
TrainerTrust trainer_trust(const Config& config);

}  // namespace dws
