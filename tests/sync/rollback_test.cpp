// Steps that go back, and forward again: what the log allows, and who follows it.
#include <gtest/gtest.h>

#include "sync/chain.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/records.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

// After version 3 at step 3, each version one step of one group of worker w.
struct RollbackLog : testing::Test {
    FaultyBucket bucket;
    ChainWriter writer{bucket, "run", {}, 1};

    void SetUp() override {
        ASSERT_TRUE(writer.commit(anchor_draft(0, {{1, 1}})));
        for (std::int64_t version = 1; version <= 3; ++version) {
            Record draft = delta_draft(version - 1, version);
            draft.games = {{"w", version - 1, version, {}, {}, {}}};
            draft.steps = {{{0, version - 1, 1}}};
            ASSERT_TRUE(writer.commit(draft));
        }
    }
    Record draft(std::int64_t trainer_step, bool is_rollback) {
        const std::int64_t version = writer.position().version;
        Record draft = delta_draft(version, version + 1);
        draft.trainer_step = trainer_step;
        draft.is_rollback = is_rollback;
        return draft;
    }
    void expect_refused(const Record& record, const std::string& why) {
        const Result<Record> committed = writer.commit(record);
        ASSERT_FALSE(committed) << why;
        EXPECT_EQ(committed.error().fault, Fault::untrusted);
        EXPECT_NE(committed.error().detail.find(why), std::string::npos)
            << committed.error().detail;
    }
};

TEST_F(RollbackLog, StepsGoBackInARollbackAlone) {
    expect_refused(draft(1, false), "goes back from 3 to 1");
    expect_refused(draft(4, true), "on to 4");
    ASSERT_TRUE(writer.commit(draft(1, true)));
    EXPECT_EQ(writer.position().trainer_step, 1);
    ASSERT_TRUE(writer.commit(draft(2, false)));
    EXPECT_EQ(writer.position().version, 5);
    ASSERT_TRUE(writer.commit(draft(2, true))) << "to where it stands: a state of the same step";
}

TEST_F(RollbackLog, StepsThatAreNamedAreThoseThatWereTaken) {
    Record two = draft(4, false);
    two.games = {{"w", 3, 5, {}, {}, {}}};
    two.steps = {{{0, 3, 1}}, {{0, 4, 1}}};
    expect_refused(two, "names 2 steps from trainer step 3 to 4");
    two.trainer_step = 6;
    expect_refused(two, "names 2 steps");
    two.trainer_step = 5;
    ASSERT_TRUE(writer.commit(two));
}

TEST_F(RollbackLog, ATrainerThatDoesNotNameItsStepsMayTakeAny) {
    ASSERT_TRUE(writer.commit(draft(9, false)));
}

TEST_F(RollbackLog, AnEpochRecordStaysAtTheStepThatWasRolledBackTo) {
    ASSERT_TRUE(writer.commit(draft(1, true)));
    ChainWriter next(bucket, "run", writer.position(), 2);
    Record epoch;
    epoch.kind = RecordKind::epoch;
    ASSERT_TRUE(next.commit(epoch));
    EXPECT_EQ(next.position().trainer_step, 1);
    ChainReader reader(bucket, "run");
    while (reader.next()) continue;
    EXPECT_EQ(reader.position().next_sequence, next.position().next_sequence);
}

TEST(Rollback, FollowersCrossItBitIdentically) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer trainer(bucket, table, 11);
    TestFollower in_place(bucket, table), two_copies(bucket, table, {}, 2);
    ASSERT_TRUE(trainer.start_with_anchor());
    std::int64_t version = 0;
    const auto expect_followed = [&] {
        for (TestFollower* follower : {&in_place, &two_copies}) {
            ASSERT_TRUE(follower->reach(version));
            ASSERT_TRUE(eventually([&] { return follower->is_at_rest(); }));
            EXPECT_EQ(follower->words(), trainer.words()) << "version " << version;
        }
    };
    for (int step = 0; step < 5; ++step, ++version) ASSERT_TRUE(trainer.publish_version(500));
    expect_followed();

    ASSERT_TRUE(trainer.publisher->hand_over(trainer.roll_back_to(2)));
    ASSERT_TRUE(trainer.publisher->flush({}));
    ++version;
    expect_followed();
    for (const TestFollower* follower : {&in_place, &two_copies}) {
        EXPECT_EQ(follower->replica().trainer_step(), 2);
        EXPECT_EQ(follower->subscriber->log_view().newest_trainer_step, 2);
        EXPECT_EQ(follower->faults.all(), "");
    }
    EXPECT_TRUE(trainer.published().back().record.is_rollback);

    for (int step = 0; step < 3; ++step, ++version) ASSERT_TRUE(trainer.publish_version(500));
    expect_followed();
    TestFollower late(bucket, table);
    ASSERT_TRUE(late.reach(version));
    EXPECT_EQ(late.words(), trainer.words());
    EXPECT_EQ(late.replica().trainer_step(), 5);
}

// The writer before had one more record under way.
TEST(Rollback, AResumedWriterAdoptsALateRecord) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer trainer(bucket, table, 12);
    ASSERT_TRUE(trainer.start_with_anchor());
    ChainReader reader(bucket, "run");
    while (reader.next()) continue;
    const ChainPosition early = reader.position();
    ASSERT_TRUE(trainer.publish_version(10));

    PublisherOptions options;
    options.run = "run";
    const auto superseded = Publisher::resume(bucket, table, options, {}, early);
    ASSERT_FALSE(superseded);
    EXPECT_EQ(superseded.error().fault, Fault::superseded);

    int times = 0;
    const auto resumed =
        Publisher::resume(bucket, table, options, {}, early, [&]() -> Result<ChainPosition> {
            ++times;
            while (reader.next()) continue;
            return reader.position();
        });
    ASSERT_TRUE(resumed) << resumed.error().detail;
    EXPECT_EQ(times, 1);
    const std::optional<ChainPosition> settled = (*resumed)->settled_position();
    ASSERT_TRUE(settled);
    EXPECT_EQ(settled->version, 1);
    EXPECT_EQ(settled->epoch, 2u);
    // The old writer's next record meets the epoch record.
    EXPECT_FALSE(trainer.publish_version(10));
    EXPECT_NE(trainer.publisher->failure()->detail.find("in epoch 2"), std::string::npos);
}

}  // namespace
}  // namespace dws
