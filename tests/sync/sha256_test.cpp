#include "sync/sha256.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace dws {
namespace {

// FIPS 180-4's own examples.
TEST(Sha256, GivesTheStandardsAnswers) {
    EXPECT_EQ(sha256_hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_hex(bytes_of("abc")),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, RandomHexHasTwoDigitsPerByteAndDoesNotRepeat) {
    EXPECT_EQ(random_hex(16).size(), 32u);
    EXPECT_NE(random_hex(16), random_hex(16));
}

}  // namespace
}  // namespace dws
