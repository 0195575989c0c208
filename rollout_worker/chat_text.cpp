#include "rollout_worker/chat_text.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "base/require.h"
#include "model/chat_template.h"

namespace dws {
namespace {

constexpr std::string_view kSystem = "You play Wordle.";
constexpr std::string_view kRules =
    "Guess my secret word of five letters; you have six guesses. After each guess I tell you for "
    "every letter: G, it stands in its place; Y, it is in the word but in another place; X, it is "
    "not in the word. Answer with five lowercase letters and nothing else.";
constexpr std::string_view kColours = "XYG";

// Kept whole by the tokenizer, or the model would read turns where none begin.
void require_tokens(const Tokenizer& tokenizer, bool thinking,
                    const std::filesystem::path& tokenizer_json) {
    std::vector<std::string_view> needed{kTurnBegin, kTurnEnd};
    if (!thinking) needed.insert(needed.end(), {kThinkBegin, kThinkEnd});
    for (const std::string_view text : needed) {
        if (tokenizer.encode(text).size() == 1) continue;
        throw std::runtime_error(tokenizer_json.string() + ": no token " + std::string(text) +
                                 ": this is no tokenizer of a Qwen3 chat model");
    }
}

Tokenizer load_chat_tokenizer(const std::filesystem::path& tokenizer_json, bool thinking) {
    Tokenizer tokenizer = Tokenizer::load(tokenizer_json);
    require_tokens(tokenizer, thinking, tokenizer_json);
    return tokenizer;
}

void append(std::vector<std::int32_t>& to, const std::vector<std::int32_t>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

ChatText::ChatText(const std::filesystem::path& tokenizer_json, bool thinking)
    : tokenizer_(load_chat_tokenizer(tokenizer_json, thinking)),
      opening_(tokenizer_.encode(chat_turn("system", kSystem) + chat_turn("user", kRules) +
                                 assistant_opening(thinking))),
      before_(tokenizer_.encode(assistant_closing() + std::string(kTurnBegin) + "user\nFeedback:")),
      between_(tokenizer_.encode(",")),
      after_(tokenizer_.encode(assistant_closing() + assistant_opening(thinking))) {
    for (std::size_t i = 0; i < letters_.size(); ++i) {
        const std::string letter(1, static_cast<char>('a' + i));
        const auto token = tokenizer_.token_of(letter);
        require(token.has_value(), "a byte-level tokenizer has a token for every byte");
        letters_[i] = *token;
        for (std::size_t colour = 0; colour < kColours.size(); ++colour)
            coloured_[i][colour] = tokenizer_.encode(" " + letter + " " + kColours[colour]);
    }
}

int ChatText::game_tokens_max() const {
    const std::size_t answers = std::size_t{kTurnsMax} * kWordLetters;
    const std::size_t replies = (kTurnsMax - 1) * longest_reply();  // none follows the last answer
    return static_cast<int>(opening_.size() + answers + replies);
}

std::size_t ChatText::longest_reply() const {
    std::size_t longest = 0;
    for (const auto& colours : coloured_)
        for (const Tokens& tokens : colours) longest = std::max(longest, tokens.size());
    return before_.size() + kWordLetters * longest + (kWordLetters - 1) * between_.size() +
           after_.size();
}

std::vector<std::int32_t> ChatText::allowed_tokens() const {
    return {letters_.begin(), letters_.end()};
}

std::vector<std::int32_t> ChatText::opening(const EnvReply&) const { return opening_; }

std::size_t ChatText::letter_of(std::int32_t token) const {
    const auto found = std::find(letters_.begin(), letters_.end(), token);
    require(found != letters_.end(), "an answer holds letters only");
    return static_cast<std::size_t>(found - letters_.begin());
}

std::string ChatText::answer_text(std::span<const std::int32_t> answer) const {
    std::string word;
    for (const std::int32_t token : answer) word += static_cast<char>('a' + letter_of(token));
    return word;
}

Result<std::vector<std::int32_t>> ChatText::reply_tokens(std::span<const std::int32_t> answer,
                                                         const EnvReply& reply) const {
    if (reply.feedback.size() != answer.size()) {
        return Error{Fault::corrupt, "feedback '" + reply.feedback + "' does not fit the guess '" +
                                         answer_text(answer) + "'"};
    }
    Tokens tokens = before_;
    for (std::size_t i = 0; i < answer.size(); ++i) {
        const std::size_t colour = kColours.find(reply.feedback[i]);
        if (colour == std::string_view::npos) {
            return Error{Fault::corrupt, "feedback '" + reply.feedback + "' is not of X, Y and G"};
        }
        if (i > 0) append(tokens, between_);
        append(tokens, coloured_[letter_of(answer[i])][colour]);
    }
    append(tokens, after_);
    return tokens;
}

}  // namespace dws
