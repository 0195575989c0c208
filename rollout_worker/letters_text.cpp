#include "rollout_worker/letters_text.h"

#include <string_view>

#include "base/require.h"

namespace dws {
namespace {

constexpr std::int32_t kBegin = 0;
constexpr std::int32_t kFirstLetter = 1;
constexpr std::int32_t kFirstColoured = 27;
constexpr std::int32_t kLetters = 26;
constexpr std::string_view kColours = "XYG";

char letter_of(std::int32_t token) {
    require(token >= kFirstLetter && token < kFirstColoured, "an answer holds letters only");
    return static_cast<char>('a' + token - kFirstLetter);
}

}  // namespace

std::vector<std::int32_t> LettersText::allowed_tokens() const {
    std::vector<std::int32_t> letters;
    for (std::int32_t i = 0; i < kLetters; ++i) letters.push_back(kFirstLetter + i);
    return letters;
}

std::vector<std::int32_t> LettersText::opening(const EnvReply&) const { return {kBegin}; }

std::string LettersText::answer_text(std::span<const std::int32_t> answer) const {
    std::string word;
    for (const std::int32_t token : answer) word += letter_of(token);
    return word;
}

Result<std::vector<std::int32_t>> LettersText::reply_tokens(std::span<const std::int32_t> answer,
                                                            const EnvReply& reply) const {
    if (reply.feedback.size() != answer.size()) {
        return Error{Fault::corrupt, "feedback '" + reply.feedback + "' does not fit the guess '" +
                                         answer_text(answer) + "'"};
    }
    std::vector<std::int32_t> tokens;
    for (std::size_t i = 0; i < answer.size(); ++i) {
        const std::size_t colour = kColours.find(reply.feedback[i]);
        if (colour == std::string_view::npos) {
            return Error{Fault::corrupt, "feedback '" + reply.feedback + "' is not of X, Y and G"};
        }
        tokens.push_back(kFirstColoured + kLetters * static_cast<std::int32_t>(colour) +
                         (answer[i] - kFirstLetter));
    }
    return tokens;
}

std::vector<std::int32_t> LettersText::word_tokens(const std::string& word) const {
    std::vector<std::int32_t> tokens;
    for (const char letter : word) {
        require(letter >= 'a' && letter <= 'z', "words are of a to z");
        tokens.push_back(kFirstLetter + (letter - 'a'));
    }
    return tokens;
}

std::vector<PastGuess> LettersText::history(std::span<const std::int32_t> tokens) const {
    require(!tokens.empty() && tokens[0] == kBegin, "a game opens with the begin token");
    constexpr auto kWord = static_cast<std::size_t>(kWordLetters);
    std::vector<PastGuess> turns;
    for (std::size_t start = 1; start + 2 * kWord <= tokens.size(); start += 2 * kWord) {
        PastGuess turn;
        turn.word = answer_text(tokens.subspan(start, kWord));
        for (const std::int32_t token : tokens.subspan(start + kWord, kWord)) {
            const std::int32_t colour = (token - kFirstColoured) / kLetters;
            require(token >= kFirstColoured && colour < 3, "feedback holds coloured letters only");
            turn.feedback += kColours[static_cast<std::size_t>(colour)];
        }
        turns.push_back(turn);
    }
    return turns;
}

}  // namespace dws
