#include "sync/subscriber.h"

#include <gtest/gtest.h>

#include "sync/doorbell.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

using std::chrono::milliseconds;

void follow_two(Bucket& bucket, std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const ArrayTable table = small_table();
    TestTrainer trainer(bucket, table, seed);
    TestFollower one(bucket, table),
        two(bucket, table, {.run = "run", .doorbell = {}, .full_rescan = false, .rescan_tiles = 2}),
        with_two_copies(bucket, table, {}, 2);
    Random random(seed);
    ASSERT_TRUE(trainer.start_with_anchor());
    for (int step = 0; step < 25; ++step) {
        ASSERT_TRUE(trainer.publish_step(random() % 1'000));
        if (random() % 3 == 0) {
            ASSERT_TRUE(trainer.publisher->flush({}));
        }
        if (one.commit_staged()) expect_same(trainer, one);
        if (two.commit_staged()) expect_same(trainer, two);
        if (with_two_copies.commit_staged()) expect_same(trainer, with_two_copies);
    }
    ASSERT_TRUE(trainer.publisher->finish({}));
    ASSERT_TRUE(one.complete([&] { expect_same(trainer, one); }));
    ASSERT_TRUE(two.complete([&] { expect_same(trainer, two); }));
    ASSERT_TRUE(with_two_copies.complete([&] { expect_same(trainer, with_two_copies); }));
    for (const TestFollower* follower : {&one, &two, &with_two_copies}) {
        EXPECT_EQ(follower->words(), trainer.words());
        EXPECT_FALSE(follower->rescans.has("error")) << follower->rescans.all();
    }
    EXPECT_EQ(one.replica().digest(), two.replica().digest());
    EXPECT_EQ(one.commits.size(), trainer.published().size()) << "every version was committed";
    EXPECT_EQ(one.faults.all(), "");
}

TEST(Subscriber, TwoReplicasEqualTheTrainerAtEveryVersionInMemory) {
    FaultyBucket bucket;
    follow_two(bucket, std::random_device{}());
}

TEST(Subscriber, TwoReplicasEqualTheTrainerAtEveryVersionInAFolder) {
    const ScratchFolder folder;
    const auto bucket = open_bucket((folder / "bucket").string(), {}, {});
    follow_two(*bucket, std::random_device{}());
}

TEST(Subscriber, SaysWhereTheTimeOfASyncWent) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer trainer(bucket, table, 3);
    ASSERT_TRUE(trainer.start_with_anchor());
    TestFollower follower(bucket, table);
    ASSERT_TRUE(follower.reach(0));
    ASSERT_TRUE(trainer.publish_version(300));
    ASSERT_TRUE(eventually([&] { return follower.subscriber->has_staged(); }));
    std::this_thread::sleep_for(milliseconds{20});  // the worker is in the midst of a token
    ASSERT_TRUE(follower.commit_staged());
    const CommitReport& report = follower.commits.back();
    EXPECT_GE(report.wait_ms, 20);
    EXPECT_GT(report.verify_ms, 0);
    EXPECT_LT(report.verify_ms, report.stage_ms);
    const double told_ms =
        report.notify_ms + report.fetch_ms + report.stage_ms + report.wait_ms + report.pause_ms;
    EXPECT_LE(told_ms, report.sync_ms + 1);  // records keep milliseconds
}

TEST(Subscriber, LostRepeatedAndReorderedRingsChangeNothing) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    DoorbellBroker broker("tcp://127.0.0.1:*", "tcp://127.0.0.1:*",
                          {.drop = 0.5, .repeat = 0.5, .delay_ms = 20, .seed = 5});
    TestTrainer trainer(bucket, table, 5);
    trainer.options.doorbell = broker.inside_endpoint();
    const std::string outside = broker.outside_endpoint();
    std::jthread ringing([&](std::stop_token stop) { broker.run(stop); });
    TestFollower follower(bucket, table,
                          {.run = "run", .doorbell = outside, .poll = milliseconds{50}});
    ASSERT_TRUE(trainer.start_with_anchor());
    for (int step = 0; step < 20; ++step) {
        ASSERT_TRUE(trainer.publish_version(100));
        if (follower.commit_staged()) expect_same(trainer, follower);
    }
    ASSERT_TRUE(trainer.publisher->finish({}));
    ASSERT_TRUE(follower.complete([&] { expect_same(trainer, follower); }));
    EXPECT_EQ(follower.words(), trainer.words());
    EXPECT_EQ(follower.faults.all(), "");
}

TEST(Subscriber, ARingShortensTheWait) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    DoorbellBroker broker("tcp://127.0.0.1:*", "tcp://127.0.0.1:*", {});
    TestTrainer trainer(bucket, table, 6);
    trainer.options.doorbell = broker.inside_endpoint();
    const std::string outside = broker.outside_endpoint();
    std::jthread ringing([&](std::stop_token stop) { broker.run(stop); });
    ASSERT_TRUE(trainer.start_with_anchor());
    TestFollower follower(bucket, table,
                          {.run = "run", .doorbell = outside, .poll = milliseconds{600'000}});
    ASSERT_TRUE(follower.reach(0));
    // The connections come up meanwhile: some ring gets through long before the poll is due.
    EXPECT_TRUE(eventually([&] {
        EXPECT_TRUE(trainer.publish_version(1));
        std::this_thread::sleep_for(milliseconds{20});
        follower.commit_staged();
        return follower.replica().version() > 0;
    }));
}

TEST(Subscriber, WaitsForALogThatDoesNotExistYet) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestFollower follower(bucket, table);
    std::this_thread::sleep_for(milliseconds{30});
    EXPECT_TRUE(follower.is_at_rest());
    EXPECT_FALSE(follower.subscriber->is_complete());
    EXPECT_EQ(follower.subscriber->log_view().newest_version, -1);
    TestTrainer trainer(bucket, table, 7);
    ASSERT_TRUE(trainer.start_with_anchor());
    EXPECT_TRUE(follower.reach(0));
    expect_same(trainer, follower);
    EXPECT_EQ(follower.faults.all(), "");
}

TEST(Subscriber, ANewcomerCatchesUpFromTheAnchorAndTheDeltas) {
    PublishedRun run(8, 6);
    TestFollower follower(run.bucket, run.table);
    ASSERT_TRUE(follower.reach(6, [&] { expect_same(run.trainer, follower); }));
    ASSERT_EQ(follower.commits.size(), 7u);
    EXPECT_EQ(follower.commits[0].kind, RecordKind::anchor);
    EXPECT_EQ(follower.commits[6].kind, RecordKind::delta);
    EXPECT_GT(follower.commits[6].changed_words, 0u);
    EXPECT_GT(follower.commits[6].file_bytes, 0u);
    EXPECT_GT(follower.commits[6].sync_ms, 0);
}

TEST(Subscriber, ReadsTheLogAheadOfWhatIsCommitted) {
    PublishedRun run(9, 4);
    TestFollower follower(run.bucket, run.table);
    EXPECT_TRUE(eventually([&] { return follower.subscriber->log_view().newest_version == 4; }));
    ASSERT_TRUE(eventually([&] { return follower.subscriber->has_staged(); }));
    // Also while a version waits for its commit.
    Pending step = run.trainer.next_step(10);
    step.games = {{"worker", 0, 3, {}, {}, {}}};
    ASSERT_TRUE(run.trainer.publisher->hand_over(std::move(step)));
    EXPECT_TRUE(eventually([&] {
        const LogView view = follower.subscriber->log_view();
        return view.newest_version == 5 && view.cursors.contains("worker") &&
               view.cursors.at("worker") == 3 && view.newest_trainer_step == 5;
    }));
    EXPECT_EQ(follower.replica().version(), -1) << "nothing was committed meanwhile";
}

TEST(Subscriber, HoldsBackUntilEnoughNewerVersionsExist) {
    PublishedRun run(10, 3);
    TestFollower follower(run.bucket, run.table,
                          {.run = "run", .doorbell = {}, .hold_back_versions = 2});
    ASSERT_TRUE(follower.reach(1));
    EXPECT_TRUE(eventually([&] { return follower.is_at_rest(); }));
    std::this_thread::sleep_for(milliseconds{50});
    EXPECT_FALSE(follower.subscriber->has_staged());
    ASSERT_TRUE(run.trainer.publish_version(10));
    ASSERT_TRUE(follower.reach(2));
    ASSERT_TRUE(run.trainer.publisher->finish({}));
    EXPECT_TRUE(follower.complete()) << "an ended log holds nothing back";
    EXPECT_EQ(follower.replica().version(), 4);
}

TEST(Subscriber, HoldsNothingBackFromWhoHoldsNothing) {
    PublishedRun run(10, 0);
    TestFollower follower(run.bucket, run.table,
                          {.run = "run", .doorbell = {}, .hold_back_versions = 4});
    ASSERT_TRUE(follower.reach(0)) << "nobody could play otherwise, and no version would follow";
    for (int delta = 0; delta < 4; ++delta) ASSERT_TRUE(run.trainer.publish_version(10));
    ASSERT_TRUE(eventually([&] { return follower.subscriber->log_view().newest_version == 4; }));
    std::this_thread::sleep_for(milliseconds{50});
    EXPECT_FALSE(follower.subscriber->has_staged()) << "from here on it holds back";
    ASSERT_TRUE(run.trainer.publish_version(10));
    ASSERT_TRUE(follower.reach(1));
}

TEST(Subscriber, StopsAtTheVersionAskedFor) {
    PublishedRun run(11, 4);
    ASSERT_TRUE(run.trainer.publisher->finish({}));
    TestFollower follower(run.bucket, run.table,
                          {.run = "run", .doorbell = {}, .stop_at_version = 2});
    ASSERT_TRUE(follower.complete());
    std::this_thread::sleep_for(milliseconds{50});
    EXPECT_FALSE(follower.subscriber->has_staged());
    EXPECT_EQ(follower.replica().version(), 2);
}

TEST(Subscriber, FollowsIntoANewEpoch) {
    PublishedRun run(12, 1);
    TestFollower follower(run.bucket, run.table);
    ASSERT_TRUE(run.trainer.publisher->finish({}));
    ASSERT_TRUE(follower.complete());
    run.trainer.publisher.reset();
    ChainReader reader(run.bucket, "run");
    while (reader.next()) continue;
    ASSERT_TRUE(run.trainer.resume(reader.position()));
    ASSERT_TRUE(run.trainer.publish_version(10));
    ASSERT_TRUE(follower.reach(2));
    EXPECT_FALSE(follower.subscriber->is_complete());
    expect_same(run.trainer, follower);
}

TEST(Subscriber, EndsPromptlyInEveryState) {
    const ArrayTable table = small_table();
    FaultyBucket empty;
    PublishedRun run(24, 1);
    const Stopwatch watch;
    { TestFollower waiting(empty, table); }
    {
        TestFollower staged(run.bucket, run.table);
        ASSERT_TRUE(eventually([&] { return staged.subscriber->has_staged(); }));
    }
    {
        TestFollower idle(run.bucket, run.table,
                          {.run = "run", .doorbell = {}, .poll = milliseconds{600'000}});
        ASSERT_TRUE(idle.reach(1));
    }
    run.bucket.truncate(run.trainer.object_key(0), 10);
    {
        TestFollower fetching(run.bucket, run.table,
                              {.run = "run", .doorbell = {}, .poll = milliseconds{600'000}});
        ASSERT_TRUE(eventually([&] { return fetching.faults.has("fetching it again"); }));
    }
    EXPECT_LT(watch.seconds(), 4);
}

TEST(Subscriber, StatesFollowEachOtherAsListed) {
    using enum SubscriberState;
    const std::vector<SubscriberState> all = {waiting,    fetching,   staged,
                                              committing, rescanning, faulted};
    std::string allowed;
    for (const SubscriberState from : all)
        for (const SubscriberState to : all)
            if (may_follow(from, to))
                allowed += std::string(name_of(from)) + ">" + name_of(to) + " ";
    EXPECT_EQ(allowed,
              "waiting>fetching waiting>faulted fetching>waiting fetching>staged "
              "staged>committing committing>rescanning rescanning>waiting ");
}

}  // namespace
}  // namespace dws
