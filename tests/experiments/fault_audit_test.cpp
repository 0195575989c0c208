// What fault_runs counts: that each kind of loss is seen, once, and that a sound run has none.
#include "experiments/faults/audit.h"

#include <gtest/gtest.h>

#include <fstream>

#include "sync/games/game_group.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/random_games.h"
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
    // Equal seeds: the same games, whatever the number.
    void play_group(int number, unsigned seed) {
        Random random(seed);
        GameGroup group = random_group(random, 4);
        group.worker = "w";
        group.number = number;
        EXPECT_TRUE(bucket.put(group_key(number), encode_group(group)));
    }
    void commit(const Record& draft) {
        ChainReader reader(bucket, kRun);
        while (reader.next()) continue;
        EXPECT_TRUE(ChainWriter(bucket, kRun, reader.position(), 1).commit(draft));
    }
    // Version `version` of step `version`, which group 2 was trained in as well.
    static Record with_third_group(std::int64_t version) {
        Record draft = delta_draft(version - 1, version);
        draft.games = {{"w", 2, 3, {}, {}, {}}};
        return draft;
    }
    // Groups 0 and 2 are equal. Goes back from version `version` to `step`, and trains in group 2.
    void roll_back_and_train_again(std::int64_t version, std::int64_t step) {
        play_group(0, 7);
        play_group(1, 8);
        play_group(2, 7);
        Record back = delta_draft(version, version + 1);
        back.trainer_step = step;
        back.is_rollback = true;
        commit(back);
        Record again = with_third_group(version + 2);
        again.trainer_step = step + 1;
        commit(again);
    }
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
    Tally compare() {
        Tally tally;
        EXPECT_TRUE(audit.read_on());
        EXPECT_TRUE(audit.compare_games(tally));
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
    commit(delta_draft(2, 3));
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

TEST_F(FaultAudit, DifferentGamesAreTrainedOnce) {
    for (int number = 0; number < 3; ++number) play_group(number, static_cast<unsigned>(number));
    commit(with_third_group(3));
    EXPECT_TRUE(compare().is_clean());
}

TEST_F(FaultAudit, TheSameGamesUnderAnotherNumberAreTrainedTwice) {
    play_group(0, 7);
    play_group(1, 8);
    play_group(2, 7);
    commit(with_third_group(3));
    const Tally tally = compare();
    EXPECT_EQ(tally.games_twice, 1);
    EXPECT_EQ(tally.lost_games, 0);
}

TEST_F(FaultAudit, TheSameGamesUnderAnotherWorkersNameAreTrainedTwice) {
    play_group(0, 7);
    play_group(1, 8);
    Random random(7);
    GameGroup group = random_group(random, 4);
    group.worker = "v";
    ASSERT_TRUE(bucket.put(game_key(kRun, "v", 0), encode_group(group)));
    Record draft = delta_draft(2, 3);
    draft.games = {{"v", 0, 1, {}, {}, {}}};
    commit(draft);
    EXPECT_EQ(compare().games_twice, 1);
}

TEST_F(FaultAudit, GamesThatWereDroppedAreNotTrainedTwice) {
    play_group(0, 7);
    play_group(1, 8);
    play_group(2, 7);
    Record draft = with_third_group(3);
    draft.games.front().stale = {2};
    commit(draft);
    EXPECT_EQ(compare().games_twice, 0);
}

TEST_F(FaultAudit, StepsThatARollbackAbandonedDoNotCount) {
    roll_back_and_train_again(2, 1);
    EXPECT_EQ(compare().games_twice, 0);
}

TEST_F(FaultAudit, StepsBeforeARollbackStillCount) {
    commit(delta_draft(2, 3));
    roll_back_and_train_again(3, 2);
    EXPECT_EQ(compare().games_twice, 1);
}

TEST_F(FaultAudit, ATrainedGroupThatCanNoLongerBeReadIsLostOnce) {
    play_group(0, 7);
    play_group(1, 8);
    bucket.truncate(group_key(1), 100);
    EXPECT_EQ(compare().lost_games, 1);
    EXPECT_EQ(compare().lost_games, 0);
}

TEST_F(FaultAudit, GamesOfAStoreThatDoesNotAnswerAreNotCompared) {
    play_group(0, 7);
    play_group(1, 8);
    ASSERT_TRUE(audit.read_on());
    bucket.set_unreachable(true);
    Tally tally;
    const Result<Done> compared = audit.compare_games(tally);
    ASSERT_FALSE(compared);
    EXPECT_EQ(compared.error().fault, Fault::transport);
    EXPECT_TRUE(tally.is_clean());
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

TEST_F(FaultAudit, TheReasonOfARollbackIsSeen) {
    std::ofstream(folder / "events/trainer_bridge.jsonl", std::ios::app)
        << "{\"event\":\"rollback\",\"reason\":\"it is gone\"}\n"
        << "{\"event\":\"resume\",\"how\":\"rollback\"}\n";
    events.poll();
    EXPECT_EQ(events.seen("trainer").rollback_reason, "it is gone");
    EXPECT_EQ(events.seen("trainer").resumes.at("rollback"), 1);
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
