#include "model/chat_template.h"

#include <fmt/format.h>

namespace dws {

std::string chat_turn(std::string_view role, std::string_view content) {
    return fmt::format("{}{}\n{}{}\n", kTurnBegin, role, content, kTurnEnd);
}

std::string assistant_opening(bool thinking) {
    const std::string opening = fmt::format("{}assistant\n", kTurnBegin);
    return thinking ? opening : fmt::format("{}{}\n\n{}\n\n", opening, kThinkBegin, kThinkEnd);
}

std::string assistant_closing() { return fmt::format("{}\n", kTurnEnd); }

}  // namespace dws
