#include <gtest/gtest.h>

#include <string>

#include "env_wordle/session.h"
#include "tests/env_wordle/fixture.h"

namespace dws {
namespace {

Session arena_game(const std::string& secret = "train") { return {Rules::textarena, secret}; }

void expect_refused(const EnvReply& reply, const std::string& reason) {
    EXPECT_NE(reply.text.find("\n[GAME] You attempted an invalid move. Reason: "),
              std::string::npos)
        << reply.text;
    EXPECT_NE(reply.text.find(reason), std::string::npos) << reply.text;
    EXPECT_EQ(reply.error, EnvErrorCode::none);
    EXPECT_EQ(reply.feedback, "");
    EXPECT_EQ(reply.reward, 0);
    EXPECT_FALSE(reply.valid);
    EXPECT_FALSE(reply.done);
}

TEST(SessionTextarena, TheOpeningIsOneGameMessageThatAsksForBrackets) {
    const EnvReply reply = arena_game().opening();
    EXPECT_TRUE(reply.text.starts_with("[GAME] "));
    EXPECT_NE(reply.text.find("square brackets"), std::string::npos);
    EXPECT_EQ(reply.text, arena_game("melon").opening().text);
}

TEST(SessionTextarena, AStepHasTheLinesThatProgramsParse) {
    Session game = arena_game();
    const EnvReply reply = game.step("[crane]", fruit_words());
    EXPECT_EQ(reply.text,
              "\n[GAME] [crane]\n[GAME] You submitted [crane].\nFeedback:\nC R A N E\nX G G Y "
              "X\nYou have 5 guesses left.");
    EXPECT_EQ(reply.feedback, "XGGYX");
    EXPECT_EQ(reply.turn, 1);
    EXPECT_TRUE(reply.valid);
    EXPECT_FALSE(reply.done);
    EXPECT_EQ(reply.reward, 0);
}

TEST(SessionTextarena, ATextWithoutBracketsIsWrapped) {
    Session game = arena_game();
    const EnvReply reply = game.step("CRANE", fruit_words());
    EXPECT_TRUE(reply.text.starts_with("\n[GAME] [CRANE]\n[GAME] You submitted [crane].\n"));
    EXPECT_TRUE(reply.valid);
}

TEST(SessionTextarena, TheFirstBracketedWordCounts) {
    Session game = arena_game();
    const EnvReply reply = game.step("Not [a guess], but [Crane], then [melon].", fruit_words());
    EXPECT_EQ(reply.feedback, "XGGYX");
}

TEST(SessionTextarena, ATextOfSeveralWordsHasTheWrongFormat) {
    Session game = arena_game();
    expect_refused(game.step("my guess is crane", fruit_words()), "one word in square brackets");
}

TEST(SessionTextarena, AnUnclosedBracketHasTheWrongFormat) {
    Session game = arena_game();
    expect_refused(game.step("[crane", fruit_words()), "one word in square brackets");
}

TEST(SessionTextarena, AnEmptyTextHasTheWrongFormat) {
    Session game = arena_game();
    expect_refused(game.step("", fruit_words()), "one word in square brackets");
}

TEST(SessionTextarena, AWordOfAnotherLengthIsRefused) {
    for (const char* said : {"[cran]", "[cranes]", "[cr\xc3\xa2ne]"}) {
        Session game = arena_game();
        expect_refused(game.step(said, fruit_words()), "exactly five letters");
    }
}

TEST(SessionTextarena, AWordOutsideTheListIsRefused) {
    for (const std::string said : {"zzzzz", "cr4ne"}) {
        Session game = arena_game();
        expect_refused(game.step("[" + said + "]", fruit_words()),
                       "'" + said + "' is no English word");
    }
}

TEST(SessionTextarena, AWordGuessedBeforeIsRefused) {
    Session game = arena_game();
    game.step("[crane]", fruit_words());
    const EnvReply again = game.step("[CRANE]", fruit_words());
    expect_refused(again, "guessed 'crane' already");
    EXPECT_EQ(again.turn, 1);
}

TEST(SessionTextarena, TheFirstRefusedMoveUsesNoTurn) {
    Session game = arena_game();
    const EnvReply reply = game.step("[zzzzz]", fruit_words());
    EXPECT_EQ(reply.turn, 0);
    EXPECT_TRUE(reply.text.starts_with("\n[GAME] [zzzzz]\n[GAME] "));
}

// The published environment pays partial credit here, which teaches a policy to give up early.
TEST(SessionTextarena, TheSecondRefusedMoveInARowEndsTheGameWithoutReward) {
    Session game = arena_game();
    EXPECT_EQ(game.step("[crane]", fruit_words()).greens, 2);
    game.step("[zzzzz]", fruit_words());
    const EnvReply reply = game.step("[crane]", fruit_words());
    EXPECT_TRUE(reply.done);
    EXPECT_FALSE(reply.won);
    EXPECT_EQ(reply.reward, 0);
    EXPECT_EQ(reply.greens, 0);
    EXPECT_EQ(reply.turn, 1);
    EXPECT_EQ(reply.text, "\n[GAME] [crane]");
    EXPECT_EQ(game.step("[melon]", fruit_words()).error, EnvErrorCode::finished);
}

TEST(SessionTextarena, AMoveBetweenTwoRefusedOnesForgives) {
    Session game = arena_game();
    for (const char* word : {"[crane]", "[melon]", "[apple]", "[grape]", "[mango]"}) {
        expect_refused(game.step("[zzzzz]", fruit_words()), "no English word");
        EXPECT_FALSE(game.step(word, fruit_words()).done);
    }
}

// The published environment shows the greens of the guess before the winning one.
TEST(SessionTextarena, AWinReportsItsOwnGreens) {
    Session game = arena_game();
    game.step("[crane]", fruit_words());
    const EnvReply reply = game.step("[train]", fruit_words());
    EXPECT_TRUE(reply.won);
    EXPECT_TRUE(reply.done);
    EXPECT_EQ(reply.reward, 1);
    EXPECT_EQ(reply.greens, 5);
    EXPECT_EQ(reply.yellows, 0);
    EXPECT_EQ(reply.feedback, "GGGGG");
    EXPECT_EQ(reply.text, "\n[GAME] [train]");
}

TEST(SessionTextarena, ALossPaysForTheLastGuess) {
    Session game = arena_game();
    for (const char* word : {"[melon]", "[apple]", "[grape]", "[mango]", "[olive]"})
        EXPECT_EQ(game.step(word, fruit_words()).reward, 0) << word;
    const EnvReply last = game.step("[crane]", fruit_words());
    EXPECT_TRUE(last.done);
    EXPECT_FALSE(last.won);
    EXPECT_DOUBLE_EQ(last.reward, (2 + 0.5 * 1) / 5);
    EXPECT_TRUE(last.text.ends_with("You have 0 guesses left."));
    EXPECT_EQ(last.text.find("train"), std::string::npos);
}

// The published environment's state carries the secret word.
TEST(SessionTextarena, TheStateNeverTellsTheSecret) {
    const auto is_silent = [](const Session& game) {
        const std::string state = encode(game.state());
        return state.find("train") == std::string::npos && state.find("T R A I N") == state.npos;
    };
    Session lost = arena_game();
    EXPECT_TRUE(is_silent(lost));
    lost.step("[zzzzz]", fruit_words());
    EXPECT_TRUE(is_silent(lost));
    lost.step("[zzzzz]", fruit_words());
    EXPECT_TRUE(lost.state().done);
    EXPECT_TRUE(is_silent(lost));
    Session won = arena_game();
    won.step("[crane]", fruit_words());
    won.step("[train]", fruit_words());
    EXPECT_TRUE(won.state().won);
    EXPECT_TRUE(is_silent(won));
    EXPECT_NE(won.state().text.find("found in turn 2"), std::string::npos);
}

TEST(SessionTextarena, AfterTheEndEveryStepIsAnsweredFinished) {
    Session game = arena_game();
    game.step("[train]", fruit_words());
    for (int extra = 0; extra < 1000; ++extra) {
        const EnvReply reply = game.step("[train]", fruit_words());
        ASSERT_EQ(reply.error, EnvErrorCode::finished);
        ASSERT_EQ(reply.reward, 0) << "a win is paid once";
    }
}

}  // namespace
}  // namespace dws
