#include "sync/pending.h"

#include <gtest/gtest.h>

#include "tests/support/random_arrays.h"

namespace dws {
namespace {

TileChanges changes_of(std::vector<std::uint16_t> positions, std::vector<std::uint32_t> before,
                       std::vector<std::uint32_t> after) {
    return {std::move(positions), std::move(before), std::move(after)};
}

TEST(Pending, KeepsFirstOldAndLastNewWord) {
    TileChanges held = changes_of({1, 5}, {10, 50}, {11, 51});
    merge(held, changes_of({5, 7}, {51, 70}, {52, 71}));
    EXPECT_EQ(held.positions, (std::vector<std::uint16_t>{1, 5, 7}));
    EXPECT_EQ(held.before, (std::vector<std::uint32_t>{10, 50, 70}));
    EXPECT_EQ(held.after, (std::vector<std::uint32_t>{11, 52, 71}));
}

TEST(Pending, DropsAWordThatCameBack) {
    TileChanges held = changes_of({3, 4}, {30, 40}, {31, 41});
    merge(held, changes_of({3}, {31}, {30}));
    EXPECT_EQ(held.positions, std::vector<std::uint16_t>{4});
}

TEST(Pending, DropsATileThatCameBackWhole) {
    Pending held, later;
    held.changes[2] = changes_of({9}, {1}, {2});
    later.changes[2] = changes_of({9}, {2}, {1});
    held.merge(later);
    EXPECT_TRUE(held.changes.empty());
}

TEST(Pending, JoinsTheGamesOfAWorker) {
    std::vector<GamesConsumed> held = {{"a", 0, 4, {1}, {2}, {}}};
    merge(held, {{"b", 7, 8, {}, {}, {7}}, {"a", 4, 6, {5}, {}, {4}}});
    EXPECT_EQ(held, (std::vector<GamesConsumed>{{"a", 0, 6, {1, 5}, {2}, {4}},
                                                {"b", 7, 8, {}, {}, {7}}}));
}

TEST(PendingDeathTest, GamesWithAGapAreABug) {
    std::vector<GamesConsumed> held = {{"a", 0, 4, {}, {}, {}}};
    EXPECT_DEATH(merge(held, {{"a", 5, 6, {}, {}, {}}}), "without gaps");
}

TEST(Pending, CountsStepsAndKeepsTheNewestTrainerStep) {
    Pending held;
    held.merge({.changes = {}, .games = {}, .trainer_step = 5, .steps = 1});
    held.merge({.changes = {}, .games = {}, .trainer_step = 7, .steps = 2});
    EXPECT_EQ(held.steps, 3);
    EXPECT_EQ(held.trainer_step, 7);
}

// The model: keep first and last buffer whole, and compare.
TEST(Pending, MergedStepsAreTheDifferenceOfFirstAndLast) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const ArrayTable table = make_table(
        {{"a", DType::kBF16, {70'000}}, {"b", DType::kU8, {300}}, {"c", DType::kF32, {9}}});
    const Bytes first = random_words(table, random);
    Bytes held = first;
    Pending pending;
    for (std::int64_t step = 1; step <= 20; ++step) {
        Bytes next = held;
        for (int change = 0; change < 400; ++change) {
            const Tile tile = table.tile(random() % table.tiles());
            const std::size_t position = random() % std::min<std::size_t>(tile.words, 500);
            // Half of the changes go back to where the word began.
            const bool goes_back = random() % 2 == 0;
            const std::uint32_t word = goes_back ? read_word(first, tile, position)
                                                 : static_cast<std::uint32_t>(random() % 4);
            write_word(next, tile, position, word);
        }
        pending.merge(
            {.changes = diff(table, held, next), .games = {}, .trainer_step = step, .steps = 1});
        held = next;
        const Changes expected = diff(table, first, held);
        ASSERT_EQ(pending.changes.size(), expected.size());
        for (const auto& [tile, changes] : expected) {
            ASSERT_EQ(pending.changes[tile].positions, changes.positions);
            ASSERT_EQ(pending.changes[tile].before, changes.before);
            ASSERT_EQ(pending.changes[tile].after, changes.after);
        }
    }
}

}  // namespace
}  // namespace dws
