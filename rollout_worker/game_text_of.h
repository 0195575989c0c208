// Which text a config's games are played in.
#pragma once

#include <memory>

#include "configs/config.h"
#include "rollout_worker/game_text.h"

namespace dws {

// With model.tokenizer a chat, without it letters. Throws std::runtime_error when the tokenizer
// cannot be used.
std::unique_ptr<const GameText> game_text_of(const Config& config);

}  // namespace dws
