#include "sync/array_table.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "sync/sha256.h"
#include "tests/support/random_arrays.h"

namespace dws {
namespace {

TEST(ArrayTable, TilesNeverSpanArrays) {
    const ArrayTable table = mixed_table(DType::kBF16);
    EXPECT_EQ(table.words(), 96u + 70'000u + 131'072u);
    EXPECT_EQ(table.word_bytes(), 2 * table.words());
    ASSERT_EQ(table.tiles(), 1u + 2u + 2u);
    const std::size_t arrays[] = {0, 1, 1, 2, 2};
    const std::size_t words[] = {96, 65'536, 4'464, 65'536, 65'536};
    const std::uint64_t first_words[] = {0, 0, 65'536, 0, 65'536};
    for (std::size_t index = 0; index < table.tiles(); ++index) {
        const Tile tile = table.tile(index);
        EXPECT_EQ(tile.array, arrays[index]);
        EXPECT_EQ(tile.words, words[index]);
        EXPECT_EQ(tile.first_word, first_words[index]);
        EXPECT_EQ(tile.word_bytes, 2u);
        EXPECT_EQ(tile.offset_bytes, table.layout().offset_bytes(tile.array) + 2 * tile.first_word);
    }
    EXPECT_EQ(table.first_tile(3), 5u);
    EXPECT_EQ(table.first_tile(4), 5u);
}

TEST(ArrayTable, AnArrayWithoutWordsOwnsNoTile) {
    const ArrayTable table = make_table(
        {{"none", DType::kF32, {0}}, {"one", DType::kF32, {}}, {"none too", DType::kF32, {3, 0}}});
    ASSERT_EQ(table.tiles(), 1u);
    EXPECT_EQ(table.tile(0).array, 1u);
    EXPECT_EQ(table.tile(0).words, 1u);
}

TEST(ArrayTable, RefusesWordsOfEightBytes) {
    const auto table = ArrayTable::make(TensorLayout({{"steps", DType::kI64, {4}}}));
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().fault, Fault::corrupt);
    EXPECT_NE(table.error().detail.find("steps"), std::string::npos);
}

TEST(ArrayTable, WordsAreReadAndWrittenInTheirWidth) {
    for (const DType dtype : {DType::kF8E4M3, DType::kBF16, DType::kF32}) {
        const ArrayTable table = make_table({{"a", dtype, {3}}});
        Bytes buffer(table.layout().size_bytes(), std::byte{0});
        const Tile tile = table.tile(0);
        write_word(buffer, tile, 1, 0xfedcba98);
        const std::uint32_t mask = tile.word_bytes == 4 ? ~0u : (1u << (8 * tile.word_bytes)) - 1;
        EXPECT_EQ(read_word(buffer, tile, 1), 0xfedcba98 & mask);
        EXPECT_EQ(read_word(buffer, tile, 0), 0u);
        EXPECT_EQ(read_word(buffer, tile, 2), 0u);
    }
}

TEST(ArrayTable, LayoutHashIsTheHashOfItsText) {
    const ArrayTable table =
        make_table({{"a.weight", DType::kBF16, {2, 3}}, {"b", DType::kF32, {}}});
    EXPECT_EQ(table.layout_hash(), sha256_hex(bytes_of("BF16 [2,3] 8:a.weight\nF32 [] 1:b\n")));
}

TEST(ArrayTable, LayoutHashTellsNamesDtypesShapesAndOrderApart) {
    const TensorSpec a{"a", DType::kBF16, {6}};
    const TensorSpec b{"b", DType::kBF16, {6}};
    const std::string hash = make_table({a, b}).layout_hash();
    EXPECT_EQ(make_table({a, b}).layout_hash(), hash);
    EXPECT_NE(make_table({b, a}).layout_hash(), hash);
    EXPECT_NE(make_table({a, {"c", DType::kBF16, {6}}}).layout_hash(), hash);
    EXPECT_NE(make_table({a, {"b", DType::kF16, {6}}}).layout_hash(), hash);
    EXPECT_NE(make_table({a, {"b", DType::kBF16, {2, 3}}}).layout_hash(), hash);
}

}  // namespace
}  // namespace dws
