#include "sync/changes.h"

#include <gtest/gtest.h>

#include "tests/support/random_arrays.h"

namespace dws {
namespace {

class ChangesOfWidth : public testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Widths, ChangesOfWidth,
                         testing::Values(DType::kF8E4M3, DType::kBF16, DType::kF32));

TEST_P(ChangesOfWidth, PatchTurnsBaseIntoNextAtEveryDensity) {
    const std::uint64_t seed = 11;
    SCOPED_TRACE(seed);
    Random random(seed);
    const ArrayTable table = mixed_table(GetParam());
    const Bytes base = random_words(table, random);
    for (const double density : {0.0, 0.01, 1.0}) {
        const Bytes next = changed_words(table, base, density, random);
        Bytes copy = base;
        patch(table, diff(table, base, next), copy);
        EXPECT_EQ(copy, next) << density;
    }
}

TEST_P(ChangesOfWidth, SeveralThreadsWriteTheSame) {
    Random random(12);
    const ArrayTable table = table_of_many_tiles(GetParam());
    const Bytes base = random_words(table, random);
    for (const double density : {0.1, 1.0}) {
        const Bytes next = changed_words(table, base, density, random);
        Bytes shared = base;
        patch(table, diff(table, base, next), shared, 3);
        EXPECT_EQ(shared, next) << density;
    }
}

TEST_P(ChangesOfWidth, FirstLastAndAdjacentWordsAreSeen) {
    const ArrayTable table = mixed_table(GetParam());
    const Bytes base(table.layout().size_bytes(), std::byte{0x3f});
    Bytes next = base;
    const std::vector<std::uint16_t> positions{0, 3, 4, 65'535};
    for (const std::uint16_t position : positions) write_word(next, table.tile(1), position, 1);
    write_word(next, table.tile(2), 0, 1);  // adjacent across the border of two tiles

    const Changes changes = diff(table, base, next);
    ASSERT_EQ(changes.size(), 2u);
    EXPECT_EQ(changes.at(1).positions, positions);
    EXPECT_EQ(changes.at(2).positions, std::vector<std::uint16_t>{0});
    EXPECT_EQ(changes.at(1).after, (std::vector<std::uint32_t>{1, 1, 1, 1}));
    EXPECT_EQ(changes.at(1).before[0], read_word(base, table.tile(1), 0));
    EXPECT_EQ(count(changes), 5u);
}

TEST(Changes, ComparesBitsNotNumbers) {
    const ArrayTable table = make_table({{"a", DType::kBF16, {3}}});
    Bytes base(table.layout().size_bytes());
    Bytes next = base;
    const Tile tile = table.tile(0);
    write_word(base, tile, 0, 0x0000), write_word(next, tile, 0, 0x8000);  // +0 and -0 differ
    write_word(base, tile, 1, 0x7fc0), write_word(next, tile, 1, 0x7fc0);  // a NaN equals itself
    write_word(base, tile, 2, 0x7fc0), write_word(next, tile, 2, 0x7fc1);  // and no other NaN
    const Changes changes = diff(table, base, next);
    EXPECT_EQ(changes.at(0).positions, (std::vector<std::uint16_t>{0, 2}));
}

TEST(Changes, UntouchedTilesAreAbsent) {
    const ArrayTable table = mixed_table(DType::kBF16);
    const Bytes base(table.layout().size_bytes());
    EXPECT_TRUE(diff(table, base, base).empty());
}

}  // namespace
}  // namespace dws
