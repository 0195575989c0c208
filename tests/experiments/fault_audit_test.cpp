// What fault_runs counts: that each kind of loss is seen, once, and that a sound run has none.
#include "experiments/faults/audit.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/faulty_bucket.h"
#include "tests/support/records.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

const std::string kRun = "run";

// A log of versions 0 to 2, whose last record names groups 0 and 1 of worker w, and the events of
// a trainer that told the three.
class FaultAudit : public testing::Test {
protected:
    FaultAudit() {
        ChainWriter writer(bucket, kRun, {}, 1);
        EXPECT_TRUE(writer.commit(anchor_draft(0, {{0, 1}})));
        EXPECT_TRUE(writer.commit(delta_draft(0, 1)));
        Record last = delta_draft(1, 2);
        last.games = {{"w", 0, 2, {}, {}, {}}};
        EXPECT_TRUE(writer.commit(last));
        for (int number = 0; number < 3; ++number) put_group(number);
        for (std::uint64_t version = 0; version < 3; ++version)
            tell(static_cast<std::int64_t>(version), Digest{{version, 1}});
        events.watch("trainer", folder.path());
    }

    static std::string group_key(int number) {
        return kRun + "/games/w/0000000" + std::to_string(number) + ".safetensors";
    }
    void put_group(int number) { EXPECT_TRUE(bucket.put(group_key(number), {})); }
    void tell(std::int64_t version, const Digest& digest) {
        std::filesystem::create_directories(folder / "events");
        std::ofstream(folder / "events/trainer_bridge.jsonl", std::ios::app)
            << "{\"event\":\"version\",\"version\":" << version << ",\"digest\":\"" << digest.hex()
            << "\"}\n";
    }
    Tally count() {
        Tally tally;
        events.poll();
        EXPECT_TRUE(audit.read_on());
        EXPECT_TRUE(audit.count(events, tally));
        return tally;
    }

    ScratchFolder folder;
    FaultyBucket bucket;
    EventWatch events;
    Audit audit{bucket, kRun};
};

TEST_F(FaultAudit, ASoundRunHasNothingToCount) {
    const Tally tally = count();
    EXPECT_TRUE(tally.is_clean());
    EXPECT_EQ(audit.newest_version(), 2);
    EXPECT_TRUE(count().is_clean());
}

TEST_F(FaultAudit, AVersionToldAndNotInTheLogIsLostOnce) {
    tell(3, {{3, 1}});
    EXPECT_EQ(count().lost_versions, 1);
    EXPECT_EQ(count().lost_versions, 0);
}

TEST_F(FaultAudit, ANumberToldWithTwoContentsIsUsedTwice) {
    tell(1, {{77, 1}});
    const Tally tally = count();
    EXPECT_EQ(tally.versions_twice, 1);
    EXPECT_EQ(tally.lost_versions, 0) << "one of the two is in the log";
}

TEST_F(FaultAudit, AVersionToldWithOtherContentThanTheLogsIsLost) {
    ChainReader reader(bucket, kRun);
    while (reader.next()) continue;
    ChainWriter writer(bucket, kRun, reader.position(), 1);
    ASSERT_TRUE(writer.commit(delta_draft(2, 3)));
    tell(3, {{77, 1}});
    EXPECT_EQ(count().lost_versions, 1);
}

TEST_F(FaultAudit, AnUndecidedGroupThatIsGoneIsLostOnce) {
    EXPECT_EQ(count().lost_games, 0);
    ASSERT_TRUE(bucket.remove(group_key(2)));
    EXPECT_EQ(count().lost_games, 1);
    EXPECT_EQ(count().lost_games, 0);
}

TEST_F(FaultAudit, ATrainedGroupThatWasNeverThereIsLost) {
    ASSERT_TRUE(bucket.remove(group_key(1)));
    EXPECT_EQ(count().lost_games, 1);
}

TEST_F(FaultAudit, ALogThatDoesNotFollowIsAnError) {
    const std::string key = log_key(kRun, 2);
    Record other = *decode_record(*bucket.get(key, {.offset = 0, .length = kMaxRecordBytes}));
    other.previous_sha256 = std::string(64, '9');
    ASSERT_TRUE(bucket.put(key, encode_record(other)));
    const Result<Done> read = audit.read_on();
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().fault, Fault::untrusted);
}

TEST_F(FaultAudit, AFailedRescanOfAWorkerIsSeen) {
    std::filesystem::create_directories(folder / "worker/events");
    std::ofstream(folder / "worker/events/a.jsonl")
        << "{\"event\":\"rescan\",\"version\":1,\"failed\":false}\n"
        << "{\"event\":\"rescan\",\"version\":2,\"failed\":true}\n"
        << "{\"event\":\"fault\",\"fault\":\"corrupt\",\"detail\":\"it\"}\n";
    events.watch("worker", folder / "worker");
    events.poll();
    EXPECT_EQ(events.seen("worker").rescanned, 1);
    EXPECT_EQ(events.seen("worker").rescans_failed, 1);
    EXPECT_EQ(events.seen("worker").last_fault, "corrupt: it");
}

TEST(Tally, OneLossMakesATableUnclean) {
    const Tally sound{.repetitions = 3, .recovered = 3};
    EXPECT_TRUE(sound.is_clean());
    for (std::int64_t Tally::*count :
         {&Tally::lost_versions, &Tally::lost_games, &Tally::digests_differ, &Tally::versions_twice,
          &Tally::games_twice, &Tally::chains_broken, &Tally::repetitions}) {
        Tally spoilt = sound;
        spoilt.*count += 1;
        EXPECT_FALSE(spoilt.is_clean());
        TallyTable table;
        table.add("a", sound);
        EXPECT_TRUE(table.is_clean());
        table.add("a", spoilt);
        EXPECT_FALSE(table.is_clean());
    }
}

}  // namespace
}  // namespace dws
