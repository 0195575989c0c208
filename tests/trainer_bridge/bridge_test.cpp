#include "trainer_bridge/bridge.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "sync/chain.h"
#include "sync/game_box.h"
#include "tests/support/scratch_folder.h"
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
    Bridge make_bridge() { return Bridge(trainer, games, *publisher, log, options, table.words()); }
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

}  // namespace
}  // namespace dws
