#include "sync/base64.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

// RFC 4648, section 10.
TEST(Base64, GivesTheStandardsAnswers) {
    const std::string plain = "foobar";
    const char* encoded[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (std::size_t length = 0; length <= plain.size(); ++length) {
        EXPECT_EQ(encode_base64(plain.substr(0, length)), encoded[length]);
        EXPECT_EQ(decode_base64(encoded[length]), plain.substr(0, length));
    }
}

TEST(Base64, RefusesEveryOtherSpellingOfTheSameBytes) {
    for (const char* spelling : {"Zg=", "Zg", "Zh==", "Zm9=", " Zm9v", "Zm9v\n", "Zm9v    ", "Zm=v",
                                 "====", "Z===", "Zm-_", "Zg==Zg=="}) {
        EXPECT_FALSE(decode_base64(spelling)) << spelling;
    }
}

}  // namespace
}  // namespace dws
