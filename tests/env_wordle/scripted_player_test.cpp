#include "env_wordle/scripted_player.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "env_wordle/wordle.h"
#include "tests/env_wordle/fixture.h"

namespace dws {
namespace {

PastGuess heard(const std::string& word, const std::string& secret) {
    return {word, text_of(judge(word, secret))};
}

TEST(ScriptedPlayer, IsConsistentWithAllItWasToldAndWins) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const WordList words = fruit_words();
    for (int game = 0; game < 2000; ++game) {
        const std::string& secret = words[random() % words.size()];
        std::vector<PastGuess> history;
        while (history.empty() || history.back().word != secret) {
            const auto guess = consistent_guess(words, history, random());
            ASSERT_TRUE(guess) << "the secret itself always fits";
            for (const PastGuess& past : history)
                ASSERT_EQ(text_of(judge(past.word, *guess)), past.feedback);
            history.push_back(heard(*guess, secret));
            ASSERT_LE(history.size(), words.size()) << "no guess fits twice";
        }
    }
}

TEST(ScriptedPlayer, EveryFittingWordIsEquallyLikely) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::vector<PastGuess> history{heard("peach", "melon")};  // fits: lemon, melon, ...
    std::map<std::string, int> played;
    constexpr int kGames = 20'000;
    for (int game = 0; game < kGames; ++game)
        ++played[*consistent_guess(fruit_words(), history, random())];
    ASSERT_GT(played.size(), 1u);
    const double expected = static_cast<double>(kGames) / static_cast<double>(played.size());
    for (const auto& [word, times] : played)
        EXPECT_NEAR(times, expected, 6 * std::sqrt(expected)) << word;
}

TEST(ScriptedPlayer, TheSameBitsPlayTheSameWord) {
    EXPECT_EQ(consistent_guess(fruit_words(), {}, 77), consistent_guess(fruit_words(), {}, 77));
}

TEST(ScriptedPlayer, AGuessWithoutFeedbackTellsNothing) {
    const std::vector<PastGuess> history{{"zz", ""}, {"zzzzz", ""}};
    EXPECT_EQ(consistent_guess(fruit_words(), history, 5), consistent_guess(fruit_words(), {}, 5));
}

TEST(ScriptedPlayer, HasNoGuessWhenNoWordFits) {
    const std::vector<PastGuess> history{{"fuzzy", "GGGGG"}};
    EXPECT_FALSE(consistent_guess(fruit_words(), history, 5));
    EXPECT_FALSE(consistent_guess({}, {}, 5));
}

}  // namespace
}  // namespace dws
