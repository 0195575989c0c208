#include "trainer_bridge/games_ledger.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

TEST(GamesLedger, NamesEveryGroupOncePerWorker) {
    GamesLedger ledger;
    ledger.note("b", 0, Verdict::trained);
    ledger.note("a", 5, Verdict::stale);
    ledger.note("b", 1, Verdict::skipped);
    ledger.note("b", 2, Verdict::refused);
    ledger.note("a", 6, Verdict::trained);
    const std::vector<GamesConsumed> expected = {
        {.worker = "a", .first = 5, .next = 7, .skipped = {}, .stale = {5}, .refused = {}},
        {.worker = "b", .first = 0, .next = 3, .skipped = {1}, .stale = {}, .refused = {2}}};
    EXPECT_EQ(ledger.take().games, expected);
    EXPECT_TRUE(ledger.is_empty());
    EXPECT_TRUE(ledger.take().games.empty());
}

// The games are listed by worker; what was trained, in the order it came.
TEST(GamesLedger, TellsTheOrderOfWhatIsTrained) {
    GamesLedger ledger;
    ledger.note("b", 0, Verdict::trained);
    ledger.note("b", 1, Verdict::trained);
    ledger.note("a", 5, Verdict::trained);
    ledger.note("b", 2, Verdict::stale);
    ledger.note("b", 3, Verdict::trained);
    const GamesLedger::Decided decided = ledger.take();
    EXPECT_EQ(decided.trained, (TrainedStep{{1, 0, 2}, {0, 5, 1}, {1, 3, 1}}));
    EXPECT_EQ(steps_fault({decided.trained}, decided.games), "");
    EXPECT_TRUE(ledger.take().trained.empty());
}

TEST(GamesLedger, GoesOnWhereTheLastRecordEnded) {
    GamesLedger ledger;
    ledger.note("a", 0, Verdict::trained);
    ledger.take();
    ledger.note("a", 1, Verdict::stale);
    const std::vector<GamesConsumed> games = ledger.take().games;
    ASSERT_EQ(games.size(), 1u);
    EXPECT_EQ(games[0].first, 1);
    EXPECT_EQ(games[0].next, 2);
}

TEST(GamesLedger, TotalsOutliveTheRecords) {
    GamesLedger ledger;
    ledger.note("a", 0, Verdict::stale);
    ledger.take();
    ledger.note("a", 1, Verdict::stale);
    EXPECT_EQ(ledger.total(Verdict::stale), 2);
    EXPECT_EQ(ledger.total(Verdict::refused), 0);
}

TEST(GamesLedgerDeathTest, AGapIsABug) {
    GamesLedger ledger;
    ledger.note("a", 0, Verdict::trained);
    EXPECT_DEATH(ledger.note("a", 2, Verdict::trained), "in order");
}

}  // namespace
}  // namespace dws
