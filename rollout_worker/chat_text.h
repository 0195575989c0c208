// Wordle as a chat with a Qwen3 model. The user's first turn explains the game; every turn of the
// assistant is five letters, one token each; the user's next turn colours them one by one:
//
//   <|im_start|>user\nFeedback: c X, r G, a G, n Y, e X<|im_end|>\n
//
// Sampling is restricted to the tokens of a .. z, so that any weights play, random ones too. With
// thinking, the assistant's turn opens as for a model that may think, but no thoughts are sampled:
// it is five letters there as well. Turns stay as they were played, where the template applied
// afresh would take the empty thoughts out of all but the last: a game's tokens only grow.
#pragma once

#include <array>
#include <filesystem>
#include <string>

#include "model/tokenizer.h"
#include "rollout_worker/game_text.h"

namespace dws {

class ChatText : public GameText {
public:
    static constexpr int kWordLetters = 5;
    static constexpr int kTurnsMax = 6;

    // Throws std::runtime_error when the file is no tokenizer or has no tokens for chats.
    ChatText(const std::filesystem::path& tokenizer_json, bool thinking);

    int vocabulary() const override { return tokenizer_.vocabulary(); }
    int game_tokens_max() const override;  // exact: the longest game there can be
    int answer_tokens() const override { return kWordLetters; }
    std::vector<std::int32_t> allowed_tokens() const override;  // a .. z
    std::vector<std::int32_t> opening(const EnvReply& reset) const override;
    std::string answer_text(std::span<const std::int32_t> answer) const override;
    Result<std::vector<std::int32_t>> reply_tokens(std::span<const std::int32_t> answer,
                                                   const EnvReply& reply) const override;

private:
    static constexpr int kLetters = 26;
    using Tokens = std::vector<std::int32_t>;

    std::size_t letter_of(std::int32_t token) const;  // 0 .. 25
    std::size_t longest_reply() const;                // tokens

    const Tokenizer tokenizer_;
    const Tokens opening_;
    std::array<std::int32_t, kLetters> letters_{};          // the tokens of a .. z
    std::array<std::array<Tokens, 3>, kLetters> coloured_;  // " c X" and so on, by "XYG"
    const Tokens before_;                                   // from the answer to its colours
    const Tokens between_;                                  // two coloured letters
    const Tokens after_;                                    // to the next answer
};

}  // namespace dws
