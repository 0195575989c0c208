// The parts of a player, as the config asks for them; the same for rollouts and evaluations.
#pragma once

#include <cstddef>
#include <optional>

#include "base/identity.h"
#include "configs/config.h"
#include "model/config.h"
#include "rollout_worker/engine.h"
#include "rollout_worker/env_client.h"
#include "rollout_worker/game_text.h"
#include "rollout_worker/player.h"

namespace dws {

// The model the config names. Throws std::runtime_error when the config asks for what this worker
// does not play, or for a model with fewer tokens than the game's text.
ModelConfig load_playing_model(const Config& config, const GameText& text);

// Throws std::runtime_error when the cache does not hold a single game.
EngineOptions engine_options(const WorkerSection& worker, const GameText& text, std::size_t slots);
PlayerOptions player_options(const WorkerSection& worker, std::size_t slots);
// own: the process's identity, if it has one. Throws std::runtime_error when it cannot speak there.
EnvClientOptions env_options(const Config& config, const std::optional<Identity>& own);

}  // namespace dws
