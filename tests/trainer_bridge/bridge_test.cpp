#include "trainer_bridge/bridge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "sync/chain.h"
#include "sync/games/game_box.h"
#include "tests/support/gated_bucket.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/test_run.h"
#include "tests/trainer_bridge/fake_trainer.h"
#include "tests/trainer_bridge/small_groups.h"

namespace dws {
namespace {

// The bridge alone, over a folder.
struct BridgeTest : ::testing::Test {
    ScratchFolder scratch;
    std::unique_ptr<Bucket> bucket = open_bucket((scratch / "bucket").string(), {}, {});
    FakeTrainer trainer;
    ArrayTable table = std::move(*ArrayTable::make(trainer.layout()));
    EventLog log{"trainer_bridge", scratch / "events.jsonl"};
    std::unique_ptr<Publisher> publisher =
        std::move(*Publisher::start_new(*bucket, table, publisher_options(), {}));
    GameInbox inbox{*bucket, "test", {}, "", std::chrono::milliseconds(20), 8, {}};
    GameSource games{inbox, "the test's bucket", log};
    TrainerSection options;

    static PublisherOptions publisher_options() {
        PublisherOptions chosen;
        chosen.run = "test";
        return chosen;
    }
    CheckpointFolder checkpoints{scratch / "checkpoints", 2};
    CheckpointKeeper keeper{trainer, table, checkpoints, {.run = "test", .settings = {}}, log};

    Bridge make_bridge() {
        return Bridge(trainer, games, *publisher, keeper, log, options, table.words());
    }
    void put(std::int64_t number, std::int64_t step) {
        GameGroup group = small_group({{1}, {0}}, step);
        group.worker = "a";
        group.number = number;
        ASSERT_TRUE(bucket->put_if_absent(game_key("test", "a", number), encode_group(group)));
    }
};

// Workers pause at a bound of undecided groups, so the other 31 may never come.
TEST_F(BridgeTest, AStepIsMadeOfFewerGroupsWhenNoMoreCome) {
    options.steps = 1;
    options.groups_per_step = 32;
    put(0, 0);
    Bridge bridge = make_bridge();
    ASSERT_TRUE(bridge.warm_start({}));
    ASSERT_TRUE(bridge.reinforce({}));
    EXPECT_EQ(trainer.learned, std::vector<std::string>{"a/0"});
}

TEST_F(BridgeTest, ASecondWriterEndsTheRun) {
    options.steps = 1'000;
    options.groups_per_step = 1;
    Bridge bridge = make_bridge();
    ASSERT_TRUE(bridge.warm_start({}));
    ASSERT_TRUE(publisher->flush({}));
    // Another writer takes the next sequence number.
    ChainReader reader(*bucket, "test");
    while (reader.next()) continue;
    ChainWriter other(*bucket, "test", reader.position(), reader.position().epoch + 1);
    Record epoch;
    epoch.kind = RecordKind::epoch;
    epoch.version = reader.position().version;
    epoch.digest = reader.position().digest;
    epoch.layout_hash = table.layout_hash();
    epoch.total_words = table.words();
    ASSERT_TRUE(other.commit(epoch));

    put(0, 0);
    const Result<Done> ended = bridge.reinforce({});
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().fault, Fault::superseded);
    EXPECT_EQ(trainer.step_number(), 1);
}

// A bridge whose uplink can be held.
struct HeldBridgeTest : ::testing::Test {
    GatedBucket bucket;
    ScratchFolder scratch;
    FakeTrainer trainer;
    ArrayTable table = std::move(*ArrayTable::make(trainer.layout()));
    EventLog log{"trainer_bridge", scratch / "events.jsonl"};
    TrainerSection options;
    std::unique_ptr<Publisher> publisher;

    // Learns from `steps` groups of one worker; what a follower then holds is the trainer's words.
    void run(std::int64_t steps, Encoding encoding) {
        PublisherOptions publishing;
        publishing.run = "test";
        publishing.encoding = encoding;
        publisher = std::move(*Publisher::start_new(bucket, table, publishing, {}));
        GameInbox inbox(bucket, "test", {}, "", std::chrono::milliseconds(5), 32, {});
        GameSource games(inbox, "the test's bucket", log);
        options.steps = steps;
        options.groups_per_step = 1;
        options.max_staleness_steps = steps;
        for (std::int64_t number = 0; number < steps; ++number) {
            GameGroup group = small_group({{1}, {0}}, 0);
            group.worker = "a";
            group.number = number;
            ASSERT_TRUE(bucket.put_if_absent(game_key("test", "a", number), encode_group(group)));
        }
        CheckpointFolder checkpoints(scratch / "checkpoints", 2);
        CheckpointKeeper keeper(trainer, table, checkpoints, {.run = "test", .settings = {}}, log);
        Bridge bridge(trainer, games, *publisher, keeper, log, options, table.words());
        ASSERT_TRUE(bridge.warm_start({}));
        ASSERT_TRUE(bridge.reinforce({}));
        bucket.open_gate();
        ASSERT_TRUE(publisher->finish({}));
        SubscriberOptions following;
        following.run = "test";
        TestFollower follower(bucket, table, following);
        ASSERT_TRUE(follower.complete());
        EXPECT_TRUE(std::ranges::equal(follower.words(), trainer.published_words()));
        EXPECT_EQ(follower.replica().trainer_step(), steps);
    }
    std::vector<std::int64_t> steps_in_the_log() {
        std::vector<std::int64_t> steps;
        ChainReader reader(bucket, "test");
        for (Result<Record> record = reader.next(); record; record = reader.next())
            if (record->kind == RecordKind::delta) steps.push_back(record->trainer_step);
        return steps;
    }
};

TEST_F(HeldBridgeTest, StepsAreEncodedWhileThePublisherIsIdleAndMergeWhileItIsBusy) {
    trainer.after_step = [&](std::int64_t step) {
        if (step == 1) bucket.close_gate();
        if (step == 5) bucket.open_gate();
    };
    run(8, Encoding::smallest);
    EXPECT_EQ(trainer.forms.at(0), StepForm::encoded);
    for (std::size_t step = 1; step < 5; ++step)
        EXPECT_EQ(trainer.forms.at(step), StepForm::changes);
    const std::vector<std::int64_t> steps = steps_in_the_log();
    ASSERT_GE(steps.size(), 2u);
    EXPECT_EQ(steps[0], 1);
    EXPECT_GE(steps[1], 4) << "what merged meanwhile is one version";
    EXPECT_EQ(steps.back(), 8);
}

TEST_F(HeldBridgeTest, APublisherThatIsIdleByTheEndOfTheGradientsGetsAnEncodedStep) {
    trainer.after_step = [&](std::int64_t step) {
        if (step == 1) bucket.close_gate();
    };
    trainer.gradients = [&] {
        if (trainer.step_number() != 1) return;
        bucket.open_gate();
        EXPECT_TRUE(eventually([&] { return publisher->is_idle(); }));
    };
    run(2, Encoding::smallest);
    EXPECT_EQ(trainer.forms.at(1), StepForm::encoded);
}

TEST_F(HeldBridgeTest, ATrainerThatOnlyListsChangesIsPublishedAllTheSame) {
    trainer.can_encode = false;
    run(4, Encoding::smallest);
}

TEST_F(HeldBridgeTest, InterchangeDeltasAreNeverEncodedOnTheWay) {
    run(4, Encoding::gap_delta);
    for (const StepForm form : trainer.forms) EXPECT_EQ(form, StepForm::changes);
}

}  // namespace
}  // namespace dws
