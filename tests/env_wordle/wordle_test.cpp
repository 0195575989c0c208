#include "env_wordle/wordle.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace dws {
namespace {

// The definition in the words of the game, letter by letter and without the counting trick: the
// n-th letter of the guess that is no green is yellow when fewer of its kind stand before it
// (greens aside) than the secret has of it outside the greens.
std::string judged_by_definition(const std::string& guess, const std::string& secret) {
    std::string marks;
    for (std::size_t place = 0; place < 5; ++place) {
        if (guess[place] == secret[place]) {
            marks += 'G';
            continue;
        }
        int in_secret = 0;
        int before = 0;
        for (std::size_t other = 0; other < 5; ++other) {
            if (guess[other] == secret[other]) continue;
            in_secret += secret[other] == guess[place];
            before += other < place && guess[other] == guess[place];
        }
        marks += before < in_secret ? 'Y' : 'X';
    }
    return marks;
}

struct Case {
    const char* guess;
    const char* secret;
    const char* marks;
};

TEST(Wordle, RepeatedLettersAreExplainedOnce) {
    for (const Case& one : {
             Case{"crane", "train", "XGGYX"},
             Case{"train", "crane", "XGGXY"},
             Case{"speed", "abide", "XXYXY"},
             Case{"abide", "speed", "XXXYY"},
             Case{"allee", "eagle", "YYXYG"},
             Case{"eagle", "allee", "YYXYG"},
             Case{"speed", "erase", "YXYYX"},
             Case{"speed", "steal", "GXGXX"},
             Case{"speed", "crepe", "XYGYX"},
             Case{"aaaaa", "abaca", "GXGXG"},
             Case{"aabbb", "bbbaa", "YYGYY"},
             Case{"eerie", "there", "YXYXG"},
             Case{"geese", "eject", "XYGXX"},
             Case{"llama", "hello", "YYXXX"},
             Case{"crane", "crane", "GGGGG"},
             Case{"fuzzy", "crane", "XXXXX"},
         })
        EXPECT_EQ(text_of(judge(one.guess, one.secret)), one.marks)
            << one.guess << " against " << one.secret;
}

TEST(Wordle, FeedbackIsThatOfTheDefinition) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    for (int round = 0; round < 100'000; ++round) {
        std::string guess;
        std::string secret;
        const unsigned letters = 2 + random() % 8;  // few, so that most words repeat some
        for (int place = 0; place < 5; ++place) {
            guess += static_cast<char>('a' + static_cast<int>(random() % letters));
            secret += static_cast<char>('a' + static_cast<int>(random() % letters));
        }
        ASSERT_EQ(text_of(judge(guess, secret)), judged_by_definition(guess, secret))
            << guess << " against " << secret;
    }
}

TEST(Wordle, CountsGreensAndYellows) {
    const Marks marks = judge("crane", "train");
    EXPECT_EQ(greens_in(marks), 2);
    EXPECT_EQ(yellows_in(marks), 1);
    EXPECT_DOUBLE_EQ(partial_credit(marks), 0.5);
    EXPECT_DOUBLE_EQ(partial_credit(judge("crane", "crane")), 1.0);
    EXPECT_DOUBLE_EQ(partial_credit(judge("fuzzy", "crane")), 0.0);
}

TEST(Wordle, AWordIsFiveLowerCaseLetters) {
    EXPECT_TRUE(is_word("crane"));
    for (const char* text :
         {"", "cran", "cranes", "Crane", "cran3", "cran ", "cr-ne", "cr\xc3\xa2n"})
        EXPECT_FALSE(is_word(text)) << text;
}

TEST(Wordle, RulesAreKnownByTheirNames) {
    EXPECT_EQ(rules_named(name_of(Rules::open)), Rules::open);
    EXPECT_EQ(rules_named(name_of(Rules::textarena)), Rules::textarena);
    EXPECT_FALSE(rules_named("hard"));
}

}  // namespace
}  // namespace dws
