#include "sync/digest.h"

#include <gtest/gtest.h>

#include "tests/support/random_arrays.h"

namespace dws {
namespace {

class DigestOfWidth : public testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Widths, DigestOfWidth,
                         testing::Values(DType::kF8E4M3, DType::kBF16, DType::kF32));

// The formula of FORMAT.md, one word at a time.
TEST_P(DigestOfWidth, OfATileIsTheSumOfItsWords) {
    Random random(3);
    const ArrayTable table = mixed_table(GetParam());
    const Bytes words = random_words(table, random);
    for (std::size_t index = 0; index < table.tiles(); ++index) {
        const Tile tile = table.tile(index);
        const ArraySeed seed = array_seed(table.layout().specs()[tile.array].name);
        Digest expected;
        for (std::size_t position = 0; position < tile.words; ++position) {
            expected += mix(seed, tile.first_word + position, read_word(words, tile, position));
        }
        EXPECT_EQ(digest_tile(table, index, words), expected) << index;
    }
}

TEST_P(DigestOfWidth, UpdatedByChangesIsThatOfTheNextVersion) {
    const std::uint64_t seed = 4;
    SCOPED_TRACE(seed);
    Random random(seed);
    const ArrayTable table = mixed_table(GetParam());
    const Bytes base = random_words(table, random);
    for (const double density : {0.0, 1e-4, 0.01, 1.0}) {
        const Bytes next = changed_words(table, base, density, random);
        std::vector<Digest> tiles = digest_tiles(table, base);
        for (const auto& [index, changes] : diff(table, base, next)) {
            tiles[index] += digest_change(table, index, changes);
        }
        EXPECT_EQ(tiles, digest_tiles(table, next)) << density;
    }
}

TEST_P(DigestOfWidth, EveryFlippedBitIsSeenInBothLanes) {
    Random random(5);
    const ArrayTable table = make_table({{"a", GetParam(), {40}}});
    Bytes words = random_words(table, random);
    const Digest right = digest_tile(table, 0, words);
    for (std::size_t bit = 0; bit < 8 * table.word_bytes(); ++bit) {
        words[bit / 8] ^= std::byte{1} << (bit % 8);
        const Digest wrong = digest_tile(table, 0, words);
        EXPECT_NE(wrong.lanes[0], right.lanes[0]);
        EXPECT_NE(wrong.lanes[1], right.lanes[1]);
        words[bit / 8] ^= std::byte{1} << (bit % 8);
    }
}

TEST(Digest, TwoExchangedWordsAreSeen) {
    const ArrayTable table = make_table({{"a", DType::kBF16, {2}}});
    Bytes words(table.layout().size_bytes());
    write_word(words, table.tile(0), 0, 7), write_word(words, table.tile(0), 1, 9);
    const Digest right = digest_tile(table, 0, words);
    write_word(words, table.tile(0), 0, 9), write_word(words, table.tile(0), 1, 7);
    EXPECT_NE(digest_tile(table, 0, words), right);
}

TEST(Digest, TwoExchangedArraysAreSeen) {
    Random random(6);
    const ArrayTable one = make_table({{"a", DType::kBF16, {64}}, {"b", DType::kBF16, {64}}});
    const ArrayTable other = make_table({{"b", DType::kBF16, {64}}, {"a", DType::kBF16, {64}}});
    const Bytes words = random_words(one, random);
    EXPECT_NE(sum(digest_tiles(one, words)), sum(digest_tiles(other, words)));
}

// FORMAT.md's worked example: other programs compute this too.
TEST(Digest, GivesTheFormatsExample) {
    const ArrayTable table = make_table({{"a.weight", DType::kBF16, {4}}});
    Bytes words(table.layout().size_bytes());
    const std::uint32_t bf16[] = {0x3f80, 0xbf80, 0x0000, 0x8000};  // 1, -1, +0, -0
    for (std::size_t index = 0; index < 4; ++index) {
        write_word(words, table.tile(0), index, bf16[index]);
    }
    EXPECT_EQ(sum(digest_tiles(table, words)).hex(), "49483eda859aafc6ee2942b3d311358e");
}

TEST(Digest, HexIsReadBackAndNothingElseIs) {
    const Digest digest{{0x0123456789abcdef, 0x00000000000000ff}};
    EXPECT_EQ(digest.hex(), "0123456789abcdef00000000000000ff");
    EXPECT_EQ(Digest::from_hex(digest.hex()), digest);
    for (const char* text :
         {"", "0123456789abcdef00000000000000f", "0123456789ABCDEF00000000000000ff",
          "0123456789abcdef00000000000000fg", "0123456789abcdef00000000000000ff0",
          "-123456789abcdef00000000000000ff"}) {
        EXPECT_FALSE(Digest::from_hex(text)) << text;
    }
}

}  // namespace
}  // namespace dws
