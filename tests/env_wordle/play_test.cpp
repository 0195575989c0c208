#include "env_wordle/play.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/env_wordle/fixture.h"

namespace dws {
namespace {

struct Played {
    bool is_won;
    std::string shown;
};

Played played(const std::string& typed, PlayOptions options = {}) {
    std::istringstream in(typed);
    std::ostringstream out;
    const bool is_won = play(options, "train", fruit_words(), in, out);
    return {is_won, out.str()};
}

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(Play, AWinEndsIt) {
    const Played game = played("crane\nTRAIN\nmelon\n");
    EXPECT_TRUE(game.is_won);
    EXPECT_TRUE(holds(game.shown, "C R A N E"));
    EXPECT_TRUE(holds(game.shown, "X G G Y X"));
    EXPECT_FALSE(holds(game.shown, "M E L O N"));
}

TEST(Play, TheEndOfInputEndsIt) {
    EXPECT_FALSE(played("").is_won);
    EXPECT_FALSE(played("crane\n").is_won);
}

TEST(Play, ALossTellsTheWord) {
    const Played game = played("melon\nmelon\nmelon\nmelon\nmelon\nmelon\n");
    EXPECT_FALSE(game.is_won);
    EXPECT_TRUE(holds(game.shown, "The word was train."));
}

TEST(Play, PlainOutputHasNoEscapes) {
    EXPECT_FALSE(holds(played("crane\nzzzzz\n??\n").shown, "\x1b"));
}

TEST(Play, ATerminalGetsColours) {
    const std::string shown = played("crane\n", {.rules = Rules::open, .is_colored = true}).shown;
    EXPECT_TRUE(holds(shown, "\x1b[1;97;42m R \x1b[0m"));
    EXPECT_TRUE(holds(shown, "\x1b[1;30;43m N \x1b[0m"));
    EXPECT_TRUE(holds(shown, "\x1b[1;97;100m C \x1b[0m"));
}

TEST(Play, TheKeyboardKeepsTheBestMarkOfALetter) {
    const std::string shown = played("melon\n").shown;
    EXPECT_TRUE(holds(shown, " q  w  .  r "));  // e is absent, r not tried
    EXPECT_TRUE(holds(shown, " z  x  c  v  b  N  . "));
    // n is yellow at first and green later; a second yellow does not take that back.
    const std::string later =
        played("crane\nmelon\ncrane\n", {.rules = Rules::open, .is_colored = true}).shown;
    const std::size_t last_keyboard = later.rfind("\x1b[1;97;42m N \x1b[0m");
    EXPECT_NE(last_keyboard, std::string::npos);
    EXPECT_GT(last_keyboard, later.rfind(" q "));
}

TEST(Play, TheOtherRulesSayWhyAMoveIsRefused) {
    const std::string shown =
        played("[zzzzz]\ntrain\n", {.rules = Rules::textarena, .is_colored = false}).shown;
    EXPECT_TRUE(holds(shown, "You attempted an invalid move."));
    EXPECT_TRUE(holds(shown, "Found."));
}

}  // namespace
}  // namespace dws
