#include "sync/checkpoint/path.h"

#include <gtest/gtest.h>

#include <string>

namespace dws {
namespace {

TEST(CheckpointPath, NamesOfCheckpointsAreSafe) {
    for (const std::string path : {"config.json", "original/params.json", ".gitattributes", "a b",
                                   "m\xc3\xb6"
                                   "del.txt",
                                   "\xf0\x9f\xa4\x97.md", "...", "a/..b/c."})
        EXPECT_TRUE(is_safe_path(path)) << path;
}

TEST(CheckpointPath, NoPathLeadsOut) {
    for (const std::string path : {"", ".", "..", "/", "/etc/passwd", "a/", "a//b", "../a", "a/..",
                                   "a/../b", "a/./b", "a\\b", "..\\a"})
        EXPECT_FALSE(is_safe_path(path)) << path;
}

TEST(CheckpointPath, BytesThatNoNameHasAreRefused) {
    using namespace std::string_literals;
    for (const std::string& path :
         {"a\0b"s, "a\nb"s, "a\x1b[2J"s, "a\x7f"s, "\xff"s, "\xc3"s, "\xc0\xaf"s, "\xe0\x80\xaf"s,
          "\xed\xa0\x80"s, "\xf4\x90\x80\x80"s, "\xf8\x88\x80\x80\x80"s, "a\x80"s})
        EXPECT_FALSE(is_safe_path(path)) << path;
}

TEST(CheckpointPath, LengthAndDepthHaveLimits) {
    EXPECT_TRUE(is_safe_path(std::string(kMaxPathNameBytes, 'a')));
    EXPECT_FALSE(is_safe_path(std::string(kMaxPathNameBytes + 1, 'a')));
    std::string deep = "a";
    for (std::size_t depth = 1; depth < kMaxPathDepth; ++depth) deep += "/a";
    EXPECT_TRUE(is_safe_path(deep));
    EXPECT_FALSE(is_safe_path(deep + "/a"));
    const std::string long_name(200, 'a');
    EXPECT_FALSE(is_safe_path(long_name + "/" + long_name + "/" + long_name + "/" + long_name +
                              "/" + long_name + "/" + long_name));
}

}  // namespace
}  // namespace dws
