#include "model/piece_pattern.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace dws {
namespace {

using Pieces = std::vector<std::string_view>;

TEST(PiecePattern, MatchesAndWhatStandsBetweenAreThePieces) {
    const PiecePattern pattern("[0-9]+", "here");
    EXPECT_EQ(pattern.cut("ab12c3"), (Pieces{"ab", "12", "c", "3"}));
    EXPECT_EQ(pattern.cut("12"), Pieces{"12"});
    EXPECT_EQ(pattern.cut("ab"), Pieces{"ab"});
    EXPECT_EQ(pattern.cut(""), Pieces{});
}

TEST(PiecePattern, APatternThatMatchesNothingDoesNotStopIt) {
    EXPECT_EQ(PiecePattern("", "here").cut("a\xc3\xa9z"), Pieces{"a\xc3\xa9z"});
    EXPECT_EQ(PiecePattern("[0-9]*", "here").cut("a1\xc3\xa9"), (Pieces{"a", "1", "\xc3\xa9"}));
    EXPECT_EQ(PiecePattern("(?=b)", "here").cut("abc"), Pieces{"abc"});
}

TEST(PiecePattern, SpacesAreThoseOfUnicode) {
    const PiecePattern spaces("\\s", "here"), others("[^\\s]", "here"), capital("\\S", "here");
    const std::string text = "a\xc2\xa0 \xe3\x80\x80z";  // no-break space, space, ideographic space
    EXPECT_EQ(spaces.cut(text), (Pieces{"a", "\xc2\xa0", " ", "\xe3\x80\x80", "z"}));
    EXPECT_EQ(others.cut(text), (Pieces{"a", "\xc2\xa0 \xe3\x80\x80", "z"}));
    EXPECT_EQ(capital.cut(text), others.cut(text));
    EXPECT_EQ(spaces.cut("a\xe1\xa0\x8ez"), Pieces{"a\xe1\xa0\x8ez"});  // U+180E is none
    EXPECT_EQ(PiecePattern("\\\\s", "here").cut("a\\sb"), (Pieces{"a", "\\s", "b"}));
}

TEST(PiecePattern, AWrongPatternIsNamedWithItsPlace) {
    try {
        PiecePattern("a(b", "the file");
        FAIL() << "accepted";
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(),
                     "the file: missing closing parenthesis at byte 3, with every \\s as "
                     "\\p{White_Space}");
    }
}

TEST(PiecePattern, APatternThatTriesForeverIsStopped) {
    const PiecePattern pattern("(a+)+[b-d]", "the file");
    EXPECT_THROW(pattern.cut(std::string(64, 'a')), std::runtime_error);
}

}  // namespace
}  // namespace dws
