#include "rollout_worker/letters_text.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

using Tokens = std::vector<std::int32_t>;

EnvReply feedback(const std::string& colours) {
    EnvReply reply;
    reply.feedback = colours;
    return reply;
}

TEST(LettersText, TokensHaveTheNumbersOfTheHeader) {
    const LettersText text;
    EXPECT_EQ(text.opening({}), Tokens{0});
    EXPECT_EQ(text.word_tokens("abcyz"), (Tokens{1, 2, 3, 25, 26}));
    EXPECT_EQ(*text.reply_tokens(text.word_tokens("azazb"), feedback("XXYYG")),
              (Tokens{27, 52, 53, 78, 80}));
    EXPECT_EQ(*text.reply_tokens(text.word_tokens("zzzzz"), feedback("GGGGG")), Tokens(5, 104));
    EXPECT_EQ(text.vocabulary(), 105);
}

TEST(LettersText, OnlyTheLettersMayBeSampled) {
    const Tokens allowed = LettersText().allowed_tokens();
    ASSERT_EQ(allowed.size(), 26u);
    EXPECT_EQ(allowed.front(), 1);
    EXPECT_EQ(allowed.back(), 26);
}

TEST(LettersText, WordsComeBackFromTheirTokens) {
    const LettersText text;
    for (const std::string word : {"crane", "aaaaa", "zzzzz", "quick"}) {
        EXPECT_EQ(text.answer_text(text.word_tokens(word)), word);
    }
}

TEST(LettersText, TheHistoryComesBackFromAGamesTokens) {
    const LettersText text;
    const std::vector<std::pair<std::string, std::string>> played{
        {"crane", "XGGYX"}, {"speed", "XXYXY"}, {"abide", "GGGGG"}};
    Tokens tokens = text.opening({});
    for (const auto& [word, colours] : played) {
        const Tokens answer = text.word_tokens(word);
        const Tokens reply = *text.reply_tokens(answer, feedback(colours));
        tokens.insert(tokens.end(), answer.begin(), answer.end());
        tokens.insert(tokens.end(), reply.begin(), reply.end());
    }
    const std::vector<PastGuess> history = text.history(tokens);
    ASSERT_EQ(history.size(), played.size());
    for (std::size_t i = 0; i < played.size(); ++i) {
        EXPECT_EQ(history[i].word, played[i].first);
        EXPECT_EQ(history[i].feedback, played[i].second);
    }
    EXPECT_TRUE(text.history(text.opening({})).empty());
}

TEST(LettersText, AReplyThatDoesNotFitTheGuessIsRefused) {
    const LettersText text;
    const Tokens answer = text.word_tokens("crane");
    for (const std::string colours : {"", "XXXX", "XXXXXX", "XXQXX", "xxxxx"}) {
        const auto tokens = text.reply_tokens(answer, feedback(colours));
        ASSERT_FALSE(tokens) << colours;
        EXPECT_EQ(tokens.error().fault, Fault::corrupt);
    }
}

}  // namespace
}  // namespace dws
