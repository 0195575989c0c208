#include "rollout_worker/game_text_of.h"

#include "rollout_worker/chat_text.h"
#include "rollout_worker/letters_text.h"

namespace dws {

std::unique_ptr<const GameText> game_text_of(const Config& config) {
    if (config.model.tokenizer.empty()) return std::make_unique<LettersText>();
    return std::make_unique<ChatText>(config.model.tokenizer, config.worker.thinking);
}

}  // namespace dws
