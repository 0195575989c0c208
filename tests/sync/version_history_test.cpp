#include "sync/version_history.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace dws {
namespace {

Record version_record(RecordKind kind, std::int64_t version) {
    Record record;
    record.run = "run";
    record.sequence = static_cast<std::uint64_t>(version);
    record.kind = kind;
    record.version = version;
    record.base_version = kind == RecordKind::anchor ? -1 : version - 1;
    record.objects = {{"objects/o", kind == RecordKind::anchor ? 100u : 10u, ""}};
    record.digest = Digest{{static_cast<std::uint64_t>(version), 1}};
    record.games = {{"worker", 0, 1, {}, {}, {}}};
    return record;
}

std::string sha_of(std::int64_t version) { return "sha " + std::to_string(version); }

// Anchors 0 and 3, deltas 1, 2, 4 and 5.
VersionHistory example() {
    VersionHistory history;
    for (std::int64_t version = 0; version < 6; ++version)
        history.add(
            version_record(version % 3 == 0 ? RecordKind::anchor : RecordKind::delta, version),
            sha_of(version));
    return history;
}

// As a compactor would write it that follows the example's log.
Jump jump_between(std::int64_t base_version, std::int64_t version, std::uint64_t bytes) {
    Jump jump;
    jump.run = "run";
    jump.kind = base_version < 0 ? RecordKind::anchor : RecordKind::delta;
    jump.version = version;
    jump.base_version = base_version;
    jump.sequence = static_cast<std::uint64_t>(version);
    jump.record_sha256 = sha_of(version);
    jump.objects = {{"objects/jump", bytes, ""}};
    jump.digest = Digest{{static_cast<std::uint64_t>(version), 1}};
    return jump;
}

// "0 1 2": the versions of a road's pieces.
std::string ends_of(const Road& road) {
    std::string text;
    for (const Record* piece : road)
        text += (text.empty() ? "" : " ") + std::to_string(piece->version);
    return text;
}

TEST(VersionHistory, WhoHoldsNothingBeginsAtTheCheapestAnchor) {
    const VersionHistory history = example();
    EXPECT_EQ(ends_of(history.road(-1, 5)), "3 4 5");
    EXPECT_EQ(ends_of(history.road(-1, 2)), "0 1 2");
    EXPECT_EQ(ends_of(history.road(-1, -1)), "");
}

TEST(VersionHistory, WhoHoldsAVersionGoesOnFromThereOrFromAnAnchor) {
    const VersionHistory history = example();
    EXPECT_EQ(ends_of(history.road(1, 2)), "2");
    EXPECT_EQ(ends_of(history.road(1, 5)), "3 4 5");
    EXPECT_EQ(ends_of(history.road(1, 1)), "");
    EXPECT_EQ(ends_of(history.road(5, 9)), "");
}

TEST(VersionHistory, KnowsWhereToBeginAndWhatIsNewest) {
    EXPECT_EQ(VersionHistory().oldest_start(), -1);
    EXPECT_EQ(VersionHistory().oldest_version(), -1);
    EXPECT_EQ(VersionHistory().newest_version(9), -1);
    VersionHistory history = example();
    EXPECT_EQ(history.oldest_start(), 0);
    EXPECT_EQ(history.newest_version(9), 5);
    EXPECT_EQ(history.newest_version(4), 4);
    EXPECT_EQ(history.newest_version(-1), -1);
    history.strike(*history.road(-1, 0).front());
    EXPECT_EQ(history.oldest_start(), 3);
    history.forget_before(4);
    EXPECT_EQ(history.oldest_version(), 3);
}

TEST(VersionHistory, ForgetsWhatNoRoadNeeds) {
    VersionHistory history = example();
    history.forget_before(2);
    EXPECT_EQ(history.road(-1, 2).size(), 3u) << "anchor 0 is still needed";
    history.forget_before(4);
    EXPECT_TRUE(history.road(-1, 2).empty());
    EXPECT_EQ(ends_of(history.road(-1, 4)), "3 4");
}

TEST(VersionHistory, KeepsVersionsOnlyAndNoGames) {
    VersionHistory history;
    history.add(version_record(RecordKind::epoch, 0));
    EXPECT_TRUE(history.road(-1, 9).empty());
    history.add(version_record(RecordKind::anchor, 0));
    EXPECT_TRUE(history.road(-1, 9).front()->games.empty());
}

TEST(VersionHistory, AJumpIsTakenWhereItIsCheaper) {
    VersionHistory history = example();
    ASSERT_TRUE(history.add(jump_between(0, 2, 15)));
    EXPECT_EQ(ends_of(history.road(0, 2)), "2");
    ASSERT_TRUE(history.add(jump_between(2, 5, 200)));
    EXPECT_EQ(ends_of(history.road(0, 5)), "3 4 5");
    ASSERT_TRUE(history.add(jump_between(-1, 5, 90)));
    EXPECT_EQ(ends_of(history.road(0, 5)), "5");
    EXPECT_EQ(history.road(0, 5).front()->kind, RecordKind::anchor);
    EXPECT_TRUE(history.is_jump(*history.road(0, 5).front()));
    EXPECT_FALSE(history.is_jump(*history.road(-1, 0).front()));
}

TEST(VersionHistory, AJumpMustNameTheVeryRecordOfTheLog) {
    using Lie = std::function<void(Jump&)>;
    std::vector<Lie> lies;
    lies.emplace_back([](Jump& jump) { jump.run = "other"; });
    lies.emplace_back([](Jump& jump) { jump.sequence += 1; });
    lies.emplace_back([](Jump& jump) { jump.record_sha256 = "sha 4"; });
    lies.emplace_back([](Jump& jump) { jump.digest.lanes[0] += 1; });
    lies.emplace_back([](Jump& jump) { jump.layout_hash = "other"; });
    lies.emplace_back([](Jump& jump) { jump.total_words += 1; });
    lies.emplace_back([](Jump& jump) { jump.trainer_step += 1; });
    for (std::size_t lie = 0; lie < lies.size(); ++lie) {
        VersionHistory history = example();
        Jump jump = jump_between(0, 5, 1);
        lies[lie](jump);
        const Result<Done> added = history.add(jump);
        ASSERT_FALSE(added) << lie;
        EXPECT_EQ(added.error().fault, Fault::untrusted) << lie;
        EXPECT_EQ(ends_of(history.road(0, 5)), "3 4 5") << lie;
        EXPECT_TRUE(history.knows({.base_version = 0, .version = 5})) << "not asked for again";
    }
}

TEST(VersionHistory, AJumpFromOrToAnUnknownVersionIsMissingItsRecord) {
    VersionHistory history = example();
    EXPECT_EQ(history.add(jump_between(0, 9, 1)).error().fault, Fault::missing);
    EXPECT_FALSE(history.knows({.base_version = 0, .version = 9})) << "it may come";
    history.forget_before(4);
    EXPECT_EQ(history.add(jump_between(1, 5, 1)).error().fault, Fault::missing);
}

TEST(VersionHistory, AStruckPieceIsOnNoRoadUntilItIsForgiven) {
    VersionHistory history = example();
    ASSERT_TRUE(history.add(jump_between(3, 5, 1)));
    ASSERT_EQ(ends_of(history.road(3, 5)), "5");
    history.strike(*history.road(3, 5).front());
    EXPECT_EQ(ends_of(history.road(3, 5)), "4 5");
    history.strike(*history.road(3, 5).front());
    EXPECT_EQ(ends_of(history.road(3, 5)), "");
    history.forgive_all();
    EXPECT_EQ(ends_of(history.road(3, 5)), "5");
}

TEST(VersionHistory, ARefusedJumpIsAskedForAgainOnceAllIsForgiven) {
    VersionHistory history = example();
    history.refuse({.base_version = 3, .version = 5});
    EXPECT_TRUE(history.knows({.base_version = 3, .version = 5}));
    history.forgive_all();
    EXPECT_FALSE(history.knows({.base_version = 3, .version = 5}));
}

TEST(VersionHistory, OfTheJumpsBehindOnlyTheNewestAnchorIsKept) {
    VersionHistory history = example();
    for (const std::int64_t version : {1, 2}) {
        ASSERT_TRUE(history.add(jump_between(-1, version, 1)));
    }
    ASSERT_TRUE(history.add(jump_between(0, 2, 1)));
    ASSERT_TRUE(history.add(jump_between(2, 4, 1)));
    history.refuse({.base_version = 0, .version = 1});
    history.forget_before(2);
    EXPECT_FALSE(history.knows({.base_version = -1, .version = 1}));
    EXPECT_FALSE(history.knows({.base_version = 0, .version = 1}));
    EXPECT_FALSE(history.knows({.base_version = 0, .version = 2}));
    EXPECT_TRUE(history.knows({.base_version = -1, .version = 2}));
    EXPECT_TRUE(history.knows({.base_version = 2, .version = 4}));
}

}  // namespace
}  // namespace dws
