#include "sync/upkeep/retention.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "sync/upkeep/compactor.h"
#include "tests/support/test_run.h"
#include "tests/support/walking_run.h"

namespace dws {
namespace {

constexpr double kHour_s = 3600;
constexpr double kNow_unix_s = 1e9;

ObjectRef object_of(const std::string& kind, std::int64_t version) {
    return {fmt::format("objects/{}-{:06d}-00112233.safetensors", kind, version), 100,
            std::string(64, 'a')};
}

// A run as a listing and its log say it is. Version v has sequence v; all of it is a week old.
struct MadeUpRun {
    RunContents contents;

    explicit MadeUpRun(std::int64_t versions) {
        for (std::int64_t version = 0; version <= versions; ++version) add_record(version);
    }

    void add_record(std::int64_t version) {
        Record record;
        record.sequence = static_cast<std::uint64_t>(version);
        record.kind = version == 0 ? RecordKind::anchor : RecordKind::delta;
        record.version = version;
        record.base_version = version - 1;
        record.objects = {object_of(name_of(record.kind), version)};
        record.created_unix_s = kNow_unix_s - 7 * 24 * kHour_s;
        contents.objects.insert(record.objects[0].key);
        contents.records.push_back({record, fmt::format("{:064}", version)});
    }
    void add_jump(std::int64_t base, std::int64_t version) {
        const LoggedRecord& target = contents.records.at(static_cast<std::size_t>(version));
        Jump jump;
        jump.kind = base < 0 ? RecordKind::anchor : RecordKind::delta;
        jump.base_version = base;
        jump.version = version;
        jump.sequence = target.record.sequence;
        jump.record_sha256 = target.sha256;
        jump.objects = {object_of(base < 0 ? "anchor" : "fold", version)};
        contents.objects.insert(jump.objects[0].key);
        contents.jumps.push_back({jump_key("run", base, version), {base, version}, jump, {}});
    }
    // From this version on, everything is an hour old.
    void make_young(std::int64_t version) {
        for (LoggedRecord& entry : contents.records)
            if (entry.record.version >= version)
                entry.record.created_unix_s = kNow_unix_s - kHour_s;
    }
    RetentionPlan plan(double keep_hours = 24) const {
        return plan_retention(contents, kNow_unix_s, keep_hours);
    }
};

bool removes(const RetentionPlan& plan, const std::string& part) {
    return std::any_of(plan.removals.begin(), plan.removals.end(), [&](const Removal& removal) {
        return removal.key.find(part) != std::string::npos;
    });
}

std::string reason_for(const RetentionPlan& plan, const std::string& key) {
    for (const Removal& removal : plan.removals)
        if (removal.key == key) return removal.reason;
    return "stays";
}

TEST(Retention, KeepsTheNewestTwoAnchorsAndWhatFollowsTheOlder) {
    MadeUpRun run(30);
    run.add_jump(-1, 5);
    run.add_jump(-1, 10);
    run.add_jump(-1, 20);
    const RetentionPlan plan = run.plan();
    EXPECT_EQ(plan.oldest_anchor, 10);
    for (std::int64_t version = 0; version <= 30; ++version) {
        const std::string kind = version == 0 ? "anchor" : "delta";
        EXPECT_EQ(removes(plan, object_of(kind, version).key), version <= 10) << version;
    }
    EXPECT_TRUE(removes(plan, object_of("anchor", 5).key));
    EXPECT_FALSE(removes(plan, object_of("anchor", 10).key));
    EXPECT_FALSE(removes(plan, object_of("anchor", 20).key));
    EXPECT_EQ(plan.needed.size(), 2u);
}

TEST(Retention, KeepsTheLog) {
    MadeUpRun run(30);
    run.add_jump(-1, 10);
    run.add_jump(-1, 20);
    EXPECT_FALSE(removes(run.plan(), "log/"));
}

TEST(Retention, OneAnchorIsNoReasonToRemoveAnything) {
    const RetentionPlan plan = MadeUpRun(30).plan();
    EXPECT_TRUE(plan.removals.empty());
    EXPECT_EQ(plan.oldest_anchor, -1);
    EXPECT_NE(plan.why.find("version 0 is the only anchor"), std::string::npos) << plan.why;
}

TEST(Retention, AnAnchorWhoseFilesAreNotAllThereDoesNotCount) {
    MadeUpRun run(30);
    run.add_jump(-1, 10);
    run.add_jump(-1, 20);
    run.contents.objects.erase(object_of("anchor", 20).key);
    EXPECT_EQ(run.plan().oldest_anchor, 0);
}

TEST(Retention, AnAnchorWithoutFilesDoesNotCount) {
    MadeUpRun run(30);
    run.add_jump(-1, 10);
    run.add_jump(-1, 20);
    run.contents.jumps.back().jump->objects.clear();
    EXPECT_EQ(run.plan().oldest_anchor, 0);
}

TEST(Retention, AJumpThatTheLogDoesNotBearOutDoesNotCount) {
    MadeUpRun run(30);
    run.add_jump(-1, 10);
    run.add_jump(-1, 20);
    run.contents.jumps.back().jump->digest.lanes[0] = 1;
    EXPECT_EQ(run.plan().oldest_anchor, 0);
    run.contents.jumps.back().jump.reset();
    EXPECT_EQ(run.plan().oldest_anchor, 0);
}

TEST(Retention, KeepsWhatIsYoungAndAnAnchorToReachItFrom) {
    MadeUpRun run(30);
    for (const std::int64_t version : {5, 10, 20, 25}) run.add_jump(-1, version);
    run.make_young(12);
    const RetentionPlan plan = run.plan();
    EXPECT_EQ(plan.oldest_anchor, 10);
    EXPECT_FALSE(removes(plan, object_of("delta", 11).key));  // on the road to what is young
    EXPECT_TRUE(removes(plan, object_of("delta", 10).key));
    EXPECT_EQ(run.plan(0.5).oldest_anchor, 20);
}

// Who holds version 9 takes it still.
TEST(Retention, AYoungDeltaStaysWhereAnAnchorHoldsItsVersionToo) {
    MadeUpRun run(30);
    for (const std::int64_t version : {10, 20, 25}) run.add_jump(-1, version);
    run.make_young(10);
    const RetentionPlan plan = run.plan();
    EXPECT_EQ(plan.oldest_anchor, 10);
    EXPECT_FALSE(removes(plan, object_of("delta", 10).key));
    EXPECT_TRUE(removes(plan, object_of("delta", 9).key));
}

TEST(Retention, JumpsFromRemovedGroundGoBeforeAnyObject) {
    MadeUpRun run(30);
    run.add_jump(-1, 10);
    run.add_jump(-1, 20);
    run.add_jump(0, 8);
    run.add_jump(8, 16);   // crosses
    run.add_jump(10, 18);  // starts where the anchor stands
    const RetentionPlan plan = run.plan();
    EXPECT_TRUE(removes(plan, "jumps/000000000000-000000000008.json"));
    EXPECT_TRUE(removes(plan, "jumps/000000000008-000000000016.json"));
    EXPECT_FALSE(removes(plan, "jumps/000000000010-000000000018.json"));
    EXPECT_TRUE(removes(plan, "objects/fold-000008"));
    EXPECT_TRUE(removes(plan, "objects/fold-000016"));
    EXPECT_FALSE(removes(plan, "objects/fold-000018"));
    const auto is_entry = [](const Removal& removal) { return removal.key.starts_with("jumps/"); };
    EXPECT_TRUE(std::is_partitioned(plan.removals.begin(), plan.removals.end(), is_entry));
}

TEST(Retention, OrphansGoOnlyWhereTheLogHasPassed) {
    MadeUpRun run(30);
    run.add_jump(-1, 10);
    run.add_jump(-1, 20);
    for (const std::int64_t version : {3, 10, 11, 30, 31})
        run.contents.objects.insert(
            fmt::format("objects/delta-{:06d}-ffeeddcc.safetensors", version));
    run.contents.objects.insert("objects/other");
    const RetentionPlan plan = run.plan();
    EXPECT_EQ(reason_for(plan, "objects/delta-000003-ffeeddcc.safetensors"),
              "no record or jump names it");
    EXPECT_TRUE(removes(plan, "objects/delta-000010-ffeeddcc"));
    EXPECT_FALSE(removes(plan, "objects/delta-000011-ffeeddcc"));
    EXPECT_FALSE(removes(plan, "objects/delta-000030-ffeeddcc"));
    EXPECT_FALSE(removes(plan, "objects/delta-000031-ffeeddcc"));  // perhaps on its way
    EXPECT_FALSE(removes(plan, "objects/other"));
}

TEST(Retention, AttachmentsStayWhileAKeptRecordNamesThem) {
    MadeUpRun run(30);
    run.add_jump(-1, 10);
    run.add_jump(-1, 20);
    const auto attach = [&](std::size_t version, const std::string& key) {
        run.contents.records[version].record.objects.push_back({key, 5, std::string(64, 'b')});
        run.contents.objects.insert(key);
    };
    attach(2, "objects/file-old");
    attach(10, "objects/file-of-the-anchor");
    attach(3, "objects/file-both");
    attach(12, "objects/file-both");
    run.contents.objects.insert("objects/file-unnamed");  // perhaps a version's on its way
    const RetentionPlan plan = run.plan();
    EXPECT_TRUE(removes(plan, "objects/file-old"));
    EXPECT_FALSE(removes(plan, "objects/file-both"));
    EXPECT_FALSE(removes(plan, "objects/file-of-the-anchor"));
    EXPECT_FALSE(removes(plan, "objects/file-unnamed"));
}

TEST(Retention, GamesGoOnceDecidedBeforeTheOlderAnchor) {
    MadeUpRun run(30);
    run.add_jump(-1, 10);
    run.add_jump(-1, 20);
    run.contents.records[4].record.games = {{"w1", 0, 2, {}, {}, {}}};
    run.contents.records[9].record.games = {{"w1", 2, 3, {}, {}, {}}, {"w10", 0, 1, {}, {}, {}}};
    run.contents.records[10].record.games = {{"w1", 3, 5, {}, {}, {}}};
    for (int number = 0; number < 7; ++number)
        run.contents.games.insert(fmt::format("games/w1/{:08}.safetensors", number));
    run.contents.games.insert("games/w10/00000000.safetensors");
    run.contents.games.insert("games/w2/00000000.safetensors");
    run.contents.games.insert("games/w1/notes.txt");
    const RetentionPlan plan = run.plan();
    for (int number = 0; number < 7; ++number)
        EXPECT_EQ(removes(plan, fmt::format("games/w1/{:08}.safetensors", number)), number < 3);
    EXPECT_TRUE(removes(plan, "games/w10/"));
    EXPECT_FALSE(removes(plan, "games/w2/"));
    EXPECT_FALSE(removes(plan, "notes"));
}

TEST(Retention, ReceiptsOfCommittedVersionsGo) {
    MadeUpRun run(30);
    run.add_jump(-1, 10);
    run.add_jump(-1, 20);
    run.contents.receipts = {"receipts/000000000009-1/0.json", "receipts/000000000011-1/0.json",
                             "receipts/000000000031-1/0.json"};
    const RetentionPlan plan = run.plan();
    EXPECT_TRUE(removes(plan, "receipts/000000000009"));
    EXPECT_FALSE(removes(plan, "receipts/000000000011"));
    EXPECT_FALSE(removes(plan, "receipts/000000000031"));
}

TEST(Retention, EveryObjectIsRemovedOrKeptForAReason) {
    MadeUpRun run(30);
    run.add_jump(-1, 10);
    run.add_jump(-1, 20);
    run.add_jump(8, 16);
    run.make_young(25);
    const RetentionPlan plan = run.plan();
    std::size_t kept = 0;
    for (const Kept& reason : plan.kept) kept += reason.objects;
    const auto removed = static_cast<std::size_t>(
        std::count_if(plan.removals.begin(), plan.removals.end(),
                      [](const Removal& removal) { return removal.key.starts_with("objects/"); }));
    EXPECT_EQ(kept + removed, run.contents.objects.size());
    EXPECT_GT(kept, 0u);
    EXPECT_GT(removed, 0u);
}

TEST(Retention, WhatIsDoneOnceLeavesNothingToDo) {
    MadeUpRun run(30);
    run.add_jump(-1, 10);
    run.add_jump(-1, 20);
    run.add_jump(0, 8);
    for (const Removal& removal : run.plan().removals) {
        run.contents.objects.erase(removal.key);
        std::erase_if(run.contents.jumps,
                      [&](const FoundJump& found) { return found.key == "run/" + removal.key; });
    }
    EXPECT_TRUE(run.plan().removals.empty());
    EXPECT_EQ(run.plan().oldest_anchor, 10);
}

// Stopped after any number of removals, the run is sound: every jump's objects are there, and from
// the first anchor that is there whole every delta is.
TEST(Retention, StoppedAtAnyPointTheRunIsSound) {
    MadeUpRun run(40);
    run.add_jump(-1, 7);
    run.add_jump(-1, 20);
    run.add_jump(-1, 30);
    for (const auto& [base, version] : {std::pair{0, 8}, {8, 16}, {7, 15}, {16, 24}, {20, 28}})
        run.add_jump(base, version);
    const RetentionPlan plan = run.plan();
    ASSERT_GT(plan.removals.size(), 20u);
    RunContents left = run.contents;
    for (const Removal& removal : plan.removals) {
        left.objects.erase(removal.key);
        std::erase_if(left.jumps,
                      [&](const FoundJump& found) { return found.key == "run/" + removal.key; });
        std::int64_t first = -1;
        for (const FoundJump& found : left.jumps) {
            ASSERT_TRUE(has_all_words(found.jump->objects, left.objects)) << removal.key;
            if (found.ends.base_version < 0 && (first < 0 || found.ends.version < first))
                first = found.ends.version;
        }
        if (left.objects.contains(object_of("anchor", 0).key)) first = 0;
        ASSERT_GE(first, 0);
        for (std::int64_t version = first + 1; version <= 40; ++version)
            ASSERT_TRUE(left.objects.contains(object_of("delta", version).key))
                << removal.key << " " << version;
    }
}

// Removed ground and those who stand on it, with the real thing.
struct CompactedRun {
    FaultyBucket bucket;
    WalkingRun run{bucket, kTileWords, 2e-6f, 21};

    void publish_and_compact(int versions) {
        CompactorOptions options{.costs = {},
                                 .writing = {.run = "run", .retry_wait_s = 0.01, .fault = {}}};
        options.costs.anchor_share = 0.1;
        Compactor compactor(bucket, options, {});
        for (int version = 0; version < versions; ++version) {
            run.publish(1);
            EXPECT_TRUE(compactor.catch_up({}));
        }
    }
    RetentionPlan plan() {
        RunContents contents;
        contents.objects = *list_keys(bucket, "run", "objects");
        contents.jumps = *read_jumps(bucket, "run", [](const JumpEnds&) { return true; }, {});
        contents.records = *read_records(bucket, "run", {});
        return plan_retention(contents, wall_s() + kHour_s, 0.5);
    }
    void collect() {
        const RetentionPlan removals = plan();
        EXPECT_GT(removals.oldest_anchor, 8);
        for (const Removal& removal : removals.removals)
            EXPECT_TRUE(bucket.remove("run/" + removal.key));
    }
};

TEST(Retention, ANewcomerAfterItCatchesUpThroughAJump) {
    CompactedRun compacted;
    compacted.publish_and_compact(40);
    compacted.collect();
    TestFollower follower(compacted.bucket, compacted.run.table);
    ASSERT_TRUE(follower.reach(40)) << follower.faults.all();
    EXPECT_EQ(follower.replica().digest(), compacted.run.digest());
    EXPECT_LE(follower.commits.size(), 20u);
}

TEST(Retention, AWorkerThatLagsBeyondItRestarts) {
    CompactedRun compacted;
    compacted.publish_and_compact(2);
    TestFollower follower(compacted.bucket, compacted.run.table);
    ASSERT_TRUE(follower.reach(2));
    compacted.publish_and_compact(38);  // it may have one of them staged, and commits none
    compacted.collect();
    ASSERT_TRUE(follower.reach(40)) << follower.faults.all();
    EXPECT_EQ(follower.replica().digest(), compacted.run.digest());
    EXPECT_LE(follower.commits.size(), 20u);
}

}  // namespace
}  // namespace dws
