#include "sync/version_history.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

Record version_record(RecordKind kind, std::int64_t version) {
    Record record;
    record.kind = kind;
    record.version = version;
    record.base_version = version - 1;
    record.games = {{"worker", 0, 1, {}, {}, {}}};
    return record;
}

// Anchors 0 and 3, deltas 1, 2, 4 and 5.
VersionHistory example() {
    VersionHistory history;
    for (std::int64_t version = 0; version < 6; ++version)
        history.add(
            version_record(version % 3 == 0 ? RecordKind::anchor : RecordKind::delta, version));
    return history;
}

TEST(VersionHistory, WhoHoldsNothingBeginsAtTheNewestAnchorAllowed) {
    const VersionHistory history = example();
    EXPECT_EQ(history.next_after(-1, 5)->version, 3);
    EXPECT_EQ(history.next_after(-1, 2)->version, 0);
    EXPECT_EQ(history.next_after(-1, -1), nullptr);
}

TEST(VersionHistory, KnowsItsOldestAnchor) {
    EXPECT_EQ(VersionHistory().oldest_anchor(), nullptr);
    EXPECT_EQ(example().oldest_anchor()->version, 0);
}

TEST(VersionHistory, WhoHoldsAVersionGoesOnToTheNext) {
    const VersionHistory history = example();
    EXPECT_EQ(history.next_after(1, 5)->version, 2);
    EXPECT_EQ(history.next_after(1, 1), nullptr);
    EXPECT_EQ(history.next_after(5, 9), nullptr);
}

TEST(VersionHistory, ARoadIsAnAnchorAndTheDeltasAfterIt) {
    const VersionHistory history = example();
    const auto road = history.road_to(5);
    ASSERT_EQ(road.size(), 3u);
    EXPECT_EQ(road[0]->version, 3);
    EXPECT_EQ(road[2]->version, 5);
    EXPECT_TRUE(history.road_to(-1).empty());
}

TEST(VersionHistory, ForgetsWhatNoRoadNeeds) {
    VersionHistory history = example();
    history.forget_before(2);
    EXPECT_EQ(history.road_to(2).size(), 3u) << "anchor 0 is still needed";
    history.forget_before(4);
    EXPECT_TRUE(history.road_to(2).empty());
    EXPECT_EQ(history.road_to(4).size(), 2u);
}

TEST(VersionHistory, KeepsVersionsOnlyAndNoGames) {
    VersionHistory history;
    history.add(version_record(RecordKind::epoch, 0));
    EXPECT_EQ(history.newest_anchor(-1, 9), nullptr);
    history.add(version_record(RecordKind::anchor, 0));
    EXPECT_TRUE(history.newest_anchor(-1, 9)->games.empty());
}

}  // namespace
}  // namespace dws
