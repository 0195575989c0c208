#include <gtest/gtest.h>

#include <string>

#include "env_wordle/session.h"
#include "tests/env_wordle/fixture.h"

namespace dws {
namespace {

Session open_game(const std::string& secret = "train") { return {Rules::open, secret}; }

TEST(SessionOpen, TheOpeningExplainsWithoutTheSecret) {
    const EnvReply reply = open_game().opening();
    EXPECT_NE(reply.text.find("five letters"), std::string::npos);
    EXPECT_EQ(reply.text, open_game("melon").opening().text);
    EXPECT_EQ(reply.turn, 0);
    EXPECT_EQ(reply.turns_max, 6);
    EXPECT_FALSE(reply.done);
    EXPECT_EQ(reply.feedback, "");
}

TEST(SessionOpen, AWordGetsFeedbackAndUsesATurn) {
    Session game = open_game();
    const EnvReply reply = game.step("crane", fruit_words());
    EXPECT_EQ(reply.error, EnvErrorCode::none);
    EXPECT_EQ(reply.feedback, "XGGYX");
    EXPECT_EQ(reply.greens, 2);
    EXPECT_EQ(reply.yellows, 1);
    EXPECT_EQ(reply.turn, 1);
    EXPECT_TRUE(reply.valid);
    EXPECT_FALSE(reply.done);
    EXPECT_EQ(reply.reward, 0);
    EXPECT_EQ(reply.text, "C R A N E\nX G G Y X\nYou have 5 guesses left.");
}

TEST(SessionOpen, AnyFiveLettersGetFeedback) {
    Session game = open_game();
    const EnvReply reply = game.step("nnntr", fruit_words());
    EXPECT_EQ(reply.feedback, "YXXYY");
    EXPECT_EQ(reply.turn, 1);
    EXPECT_FALSE(reply.valid);
    EXPECT_NE(reply.text.find("'nnntr' is not in the word list."), std::string::npos);
}

TEST(SessionOpen, AGuessMayBeRepeated) {
    Session game = open_game();
    EXPECT_TRUE(game.step("crane", fruit_words()).valid);
    const EnvReply again = game.step("crane", fruit_words());
    EXPECT_TRUE(again.valid);
    EXPECT_EQ(again.turn, 2);
}

TEST(SessionOpen, TheFirstBracketedWordIsTheGuess) {
    for (const char* said : {"[crane]", "I think [CRANE] or [train]", " crane\r\n", "CRANE",
                             "[] [two words] [crane]", "[[crane]"})
        EXPECT_EQ(guess_in(said), "crane") << said;
}

TEST(SessionOpen, AnythingElseIsNoGuess) {
    for (const char* said : {"", "   ", "cran", "cranes", "crane train", "[cran] crane", "cr4ne",
                             "c r a n e", "[", "]", "[]", "cr\xc3\xa2n", "[crane"})
        EXPECT_EQ(guess_in(said), "") << said;
}

TEST(SessionOpen, WhatIsNoGuessUsesATurnAndSaysWhy) {
    Session game = open_game();
    const EnvReply reply = game.step("cranes", fruit_words());
    EXPECT_EQ(reply.error, EnvErrorCode::none);
    EXPECT_EQ(reply.turn, 1);
    EXPECT_EQ(reply.feedback, "");
    EXPECT_EQ(reply.greens, 0);
    EXPECT_FALSE(reply.valid);
    EXPECT_FALSE(reply.done);
    EXPECT_NE(reply.text.find("not five letters"), std::string::npos);
    EXPECT_NE(reply.text.find("You have 5 guesses left."), std::string::npos);
}

TEST(SessionOpen, SixTurnsEndTheGame) {
    Session game = open_game();
    for (int turn = 1; turn < 6; ++turn)
        EXPECT_FALSE(game.step(turn % 2 ? "crane" : "??", fruit_words()).done) << turn;
    const EnvReply last = game.step("crane", fruit_words());
    EXPECT_TRUE(last.done);
    EXPECT_FALSE(last.won);
    EXPECT_EQ(last.turn, 6);
    EXPECT_EQ(last.reward, 0);
    EXPECT_EQ(last.text.find("train"), std::string::npos);
}

TEST(SessionOpen, SixTextsWithoutAGuessEndItToo) {
    Session game = open_game();
    for (int turn = 1; turn < 6; ++turn) EXPECT_FALSE(game.step("", fruit_words()).done);
    EXPECT_TRUE(game.step("", fruit_words()).done);
}

TEST(SessionOpen, TheSecretWins) {
    Session game = open_game();
    game.step("crane", fruit_words());
    const EnvReply reply = game.step("train", fruit_words());
    EXPECT_TRUE(reply.won);
    EXPECT_TRUE(reply.done);
    EXPECT_EQ(reply.feedback, "GGGGG");
    EXPECT_EQ(reply.greens, 5);
    EXPECT_EQ(reply.yellows, 0);
    EXPECT_EQ(reply.turn, 2);
    EXPECT_EQ(reply.reward, 1);
}

TEST(SessionOpen, TheLastTurnMayWin) {
    Session game = open_game();
    for (int turn = 1; turn < 6; ++turn) game.step("crane", fruit_words());
    EXPECT_TRUE(game.step("train", fruit_words()).won);
}

TEST(SessionOpen, AfterTheEndEveryStepIsAnsweredFinished) {
    Session game = open_game();
    game.step("train", fruit_words());
    for (int extra = 0; extra < 1000; ++extra) {
        const EnvReply reply = game.step("crane", fruit_words());
        ASSERT_EQ(reply.error, EnvErrorCode::finished);
        ASSERT_NE(reply.message, "");
        ASSERT_EQ(reply.turn, 1);
        ASSERT_EQ(reply.reward, 0);
        ASSERT_TRUE(reply.done);
    }
}

void expect_no_secret(const Session& game, const std::string& secret, const std::string& rows) {
    const EnvReply state = game.state();
    EXPECT_EQ(encode(state).find(secret), std::string::npos) << state.text;
    EXPECT_EQ(state.text.find(rows), std::string::npos) << state.text;
}

TEST(SessionOpen, TheStateNeverTellsTheSecret) {
    for (const bool is_won : {false, true}) {
        Session game = open_game();
        expect_no_secret(game, "train", "T R A I N");
        for (int turn = 1; turn < 6; ++turn) {
            game.step("crane", fruit_words());
            expect_no_secret(game, "train", "T R A I N");
        }
        game.step(is_won ? "train" : "melon", fruit_words());
        EXPECT_EQ(game.is_won(), is_won);
        expect_no_secret(game, "train", "T R A I N");
    }
}

TEST(SessionOpen, TheStateShowsTheBoardAndUsesNoTurn) {
    Session game = open_game();
    game.step("crane", fruit_words());
    game.step("melon", fruit_words());
    const EnvReply state = game.state();
    EXPECT_EQ(state.turn, 2);
    EXPECT_EQ(state.text, "C R A N E\nX G G Y X\nM E L O N\nX X X X G\nYou have 4 guesses left.");
    EXPECT_FALSE(state.done);
    EXPECT_EQ(game.state().turn, 2);
}

}  // namespace
}  // namespace dws
