// Qwen3's chat template, without tools: what its tokenizer_config.json says in Jinja. A chat is
//
//   <|im_start|>system\n...<|im_end|>\n
//   <|im_start|>user\n...<|im_end|>\n
//   <|im_start|>assistant\n            and then what the model says
//
// Without thinking (enable_thinking=false) the model finds its thoughts finished and empty:
// <think>\n\n</think>\n\n stands before its answer.
#pragma once

#include <string>
#include <string_view>

namespace dws {

inline constexpr std::string_view kTurnBegin = "<|im_start|>";
inline constexpr std::string_view kTurnEnd = "<|im_end|>";
inline constexpr std::string_view kThinkBegin = "<think>";
inline constexpr std::string_view kThinkEnd = "</think>";

// A whole turn. role: system, user or assistant.
std::string chat_turn(std::string_view role, std::string_view content);
// The beginning of the assistant's turn, where sampling starts.
std::string assistant_opening(bool thinking);
// What follows the last sampled token of an assistant's turn.
std::string assistant_closing();

}  // namespace dws
