#include "model/unicode_text.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

const std::string kBad = "\xef\xbf\xbd";

TEST(UnicodeText, ValidTextStaysAsItIs) {
    for (const std::string text :
         {"", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
          "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        EXPECT_EQ(valid_utf8(text), text);
    }
    EXPECT_EQ(valid_utf8(std::string(3, '\0')), std::string(3, '\0'));
}

// The examples of The Unicode Standard 15.0, tables 3-8 to 3-11.
TEST(UnicodeText, EveryMaximalPartIsReplacedOnce) {
    const auto bad = [](int times) {
        std::string text;
        while (times-- > 0) text += kBad;
        return text;
    };
    EXPECT_EQ(valid_utf8("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"), bad(8) + "A");
    EXPECT_EQ(valid_utf8("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"), bad(8) + "A");
    EXPECT_EQ(valid_utf8("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"), bad(5) + "A" + bad(2) + "B");
    EXPECT_EQ(valid_utf8("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), bad(4) + "A");
    EXPECT_EQ(valid_utf8("\xe1\x80"), kBad);
    EXPECT_EQ(valid_utf8("\xf0\x90\x80"), kBad);
}

TEST(UnicodeText, CompositionIsCanonicalAndComplete) {
    EXPECT_EQ(nfc("abc"), "abc");
    EXPECT_EQ(nfc("e\xcc\x81"), "\xc3\xa9");
    EXPECT_EQ(nfc("\xe2\x84\xab"), "\xc3\x85");                  // angstrom sign
    EXPECT_EQ(nfc("q\xcc\x87\xcc\xa3"), "q\xcc\xa3\xcc\x87");    // marks in their order
    EXPECT_EQ(nfc("\xe1\x84\x80\xe1\x85\xa1"), "\xea\xb0\x80");  // jamo
    EXPECT_EQ(nfc("\xe0\xa5\x98"), "\xe0\xa4\x95\xe0\xa4\xbc");  // excluded from composition
    EXPECT_EQ(nfc("\xef\xac\x81"), "\xef\xac\x81");              // fi stays a ligature
    EXPECT_EQ(nfc(std::string("a\0b\xcc\x81", 5)), std::string("a\0b\xcc\x81", 5));
}

}  // namespace
}  // namespace dws
