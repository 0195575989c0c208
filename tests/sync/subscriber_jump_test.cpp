// Followers that take shorter roads than the log's, and those whose log has lost its objects.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "sync/subscriber.h"
#include "tests/support/jumps.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

using std::chrono::milliseconds;

std::string versions_of(const TestFollower& follower) {
    std::string text;
    for (const CommitReport& commit : follower.commits)
        text += (text.empty() ? "" : " ") + std::to_string(commit.version);
    return text;
}

std::uint64_t fetched_by(const TestFollower& follower) {
    std::uint64_t bytes = 0;
    for (const CommitReport& commit : follower.commits) bytes += commit.file_bytes;
    return bytes;
}

// Reaches the version and compares every version on the way with the trainer's words.
void expect_reached(PublishedRun& run, TestFollower& follower, std::int64_t version) {
    ASSERT_TRUE(follower.reach(version, [&] { expect_same(run.trainer, follower); }))
        << follower.faults.all();
    EXPECT_EQ(follower.replica().version(), version);
}

TEST(SubscriberJump, ANewcomerBeginsAtACompactorsAnchor) {
    PublishedRun run(31, 9);
    offer_jump(run, -1, 7);
    TestFollower follower(run.bucket, run.table);
    expect_reached(run, follower, 9);
    EXPECT_EQ(versions_of(follower), "7 8 9");
    EXPECT_EQ(follower.commits[0].kind, RecordKind::anchor);
    EXPECT_EQ(follower.faults.all(), "");
    EXPECT_EQ(run.bucket.counts().lists, 1);
}

TEST(SubscriberJump, ANewcomerStartsThoughAnchorZeroAndTheOldDeltasAreGone) {
    PublishedRun run(32, 8);
    offer_jump(run, -1, 6);
    remove_objects(run, 0, 6);
    TestFollower follower(run.bucket, run.table);
    expect_reached(run, follower, 8);
    EXPECT_EQ(versions_of(follower), "6 7 8");
}

TEST(SubscriberJump, ANewcomerThatHoldsBackStartsAtTheOnlyAnchorThereIs) {
    PublishedRun run(33, 4);
    offer_jump(run, -1, 4);
    remove_objects(run, 0, 4);
    TestFollower follower(run.bucket, run.table,
                          {.run = "run", .doorbell = {}, .hold_back_versions = 4});
    expect_reached(run, follower, 4);
    EXPECT_EQ(follower.faults.count("reloading anchor 4"), 1u) << follower.faults.all();
}

TEST(SubscriberJump, WhoFellBehindTakesFolds) {
    PublishedRun run(34, 1);
    TestFollower follower(run.bucket, run.table);
    expect_reached(run, follower, 1);
    ASSERT_TRUE(eventually([&] { return follower.is_at_rest(); }));
    const auto hidden = log_key("run", 2);
    run.bucket.hide(hidden);
    for (int delta = 0; delta < 12; ++delta) {
        Pending step = run.trainer.next_step(0);
        Bytes next = run.trainer.words();
        // The same words again and again: a fold of ten deltas is little more than one of them.
        for (std::size_t position = 0; position < 90; ++position)
            write_word(next, run.table.tile(0), position, static_cast<std::uint32_t>(delta + 1));
        ASSERT_TRUE(run.trainer.publisher->hand_over(run.trainer.step_to(next)));
        ASSERT_TRUE(run.trainer.publisher->flush({}));
    }
    offer_jump(run, 1, 11);
    offer_jump(run, 2, 6);
    run.bucket.heal(hidden);
    expect_reached(run, follower, 13);
    EXPECT_EQ(versions_of(follower), "0 1 11 12 13");
    EXPECT_EQ(follower.commits[2].kind, RecordKind::delta);
    EXPECT_EQ(follower.faults.all(), "");
}

TEST(SubscriberJump, NeverGoesPastWhatIsAllowed) {
    PublishedRun run(35, 9);
    offer_jump(run, -1, 8);
    offer_jump(run, -1, 5);
    offer_jump(run, 0, 9);
    TestFollower follower(run.bucket, run.table,
                          {.run = "run", .doorbell = {}, .stop_at_version = 6});
    expect_reached(run, follower, 6);
    EXPECT_EQ(versions_of(follower), "5 6");
    std::this_thread::sleep_for(milliseconds{30});
    EXPECT_FALSE(follower.subscriber->has_staged());
}

TEST(SubscriberJump, WhoIsUpToDateAsksForNothingMore) {
    PublishedRun run(36, 0);
    TestFollower follower(run.bucket, run.table);
    expect_reached(run, follower, 0);
    for (std::int64_t version = 1; version < 4; ++version) {
        ASSERT_TRUE(run.trainer.publish_version(10));
        expect_reached(run, follower, version);
        EXPECT_EQ(run.bucket.gets_of(run.trainer.object_key(static_cast<std::size_t>(version))), 1);
    }
    EXPECT_EQ(run.bucket.counts().lists, 0);
}

TEST(SubscriberJump, AMissingObjectLeadsToTheNewestAnchorAndIsSaid) {
    PublishedRun run(37, 2);
    TestFollower follower(run.bucket, run.table);
    expect_reached(run, follower, 2);
    ASSERT_TRUE(eventually([&] { return follower.is_at_rest(); }));
    run.bucket.hide(log_key("run", 3));
    for (int delta = 0; delta < 3; ++delta) ASSERT_TRUE(run.trainer.publish_version(10));
    offer_jump(run, -1, 4);
    remove_objects(run, 3, 4);
    run.bucket.heal(log_key("run", 3));
    expect_reached(run, follower, 5);
    EXPECT_EQ(versions_of(follower), "0 1 2 4 5");
    EXPECT_EQ(follower.faults.count("reloading anchor 4"), 1u) << follower.faults.all();
}

TEST(SubscriberJump, AnAnchorOfferedWhileWaitingIsFound) {
    PublishedRun run(38, 3);
    remove_objects(run, 2, 2);
    TestFollower follower(run.bucket, run.table);
    expect_reached(run, follower, 1);
    ASSERT_TRUE(eventually([&] { return follower.faults.has("waiting for the object"); }));
    offer_jump(run, -1, 3);
    expect_reached(run, follower, 3);
    EXPECT_TRUE(follower.faults.has("reloading anchor 3")) << follower.faults.all();
}

// Whatever is wrong with jumps, the log alone leads there.
TEST(SubscriberJump, BrokenJumpsAreToldOnceAndDoNotStopAFollower) {
    PublishedRun run(39, 8);
    const Jump gone = offer_jump(run, -1, 8);
    ASSERT_TRUE(run.bucket.remove("run/" + gone.objects.front().key));
    const Jump damaged = offer_jump(run, -1, 7);
    run.bucket.flip("run/" + damaged.objects.front().key, 999);
    Jump forged = make_jump(run, -1, 6);
    forged.digest.lanes[0] += 1;
    put_jump(run, forged);
    ASSERT_TRUE(run.bucket.put(jump_key("run", -1, 5), bytes_of("no jump")));
    Jump wrong = make_jump(run, 0, 8);  // another fold's objects under its name
    wrong.objects = make_jump(run, 0, 4).objects;
    put_jump(run, wrong);
    TestFollower follower(run.bucket, run.table);
    expect_reached(run, follower, 8);
    EXPECT_EQ(versions_of(follower), "0 1 2 3 4 5 6 7 8");
    EXPECT_EQ(follower.faults.count(gone.objects.front().key), 1u) << follower.faults.all();
    EXPECT_EQ(follower.faults.count("none-000000000006.json"), 1u) << follower.faults.all();
    EXPECT_EQ(follower.faults.count("none-000000000005.json"), 1u) << follower.faults.all();
    EXPECT_EQ(follower.faults.count("waiting"), 0u) << follower.faults.all();
    EXPECT_FALSE(follower.subscriber->failure());
}

TEST(SubscriberJump, AListingThatFailsCostsNothingButTime) {
    PublishedRun run(40, 5);
    for (const std::int64_t version : {5, 12}) run.bucket.hide(jump_key("run", -1, version));
    offer_jump(run, -1, 5);  // listed, but gone when it is read
    TestFollower follower(run.bucket, run.table);
    expect_reached(run, follower, 5);
    EXPECT_EQ(versions_of(follower), "0 1 2 3 4 5");
    EXPECT_EQ(follower.faults.all(), "");
}

TEST(SubscriberJump, DamagedWordsAreReloadedThroughJumps) {
    PublishedRun run(41, 6);
    TestFollower follower(run.bucket, run.table);
    expect_reached(run, follower, 6);
    ASSERT_TRUE(eventually([&] { return follower.is_at_rest(); }));
    const Jump anchor = offer_jump(run, -1, 5);
    remove_objects(run, 0, 4);
    follower.flip(run.table, 0, 17);
    Bytes next = run.trainer.words();
    write_word(next, run.table.tile(3), 0, read_word(next, run.table.tile(3), 0) ^ 3u);
    ASSERT_TRUE(run.trainer.publisher->hand_over(run.trainer.step_to(next)));
    ASSERT_TRUE(follower.reach(7));
    ASSERT_TRUE(eventually([&] {
        follower.commit_staged();
        return follower.rescans.has("ok 7");
    })) << follower.faults.all();
    EXPECT_EQ(follower.words(), run.trainer.words());
    EXPECT_GE(run.bucket.gets_of("run/" + anchor.objects.front().key), 1);
}

TEST(SubscriberJump, WithRandomJumpsEveryVersionHeldIsTheTrainersForNoMoreBytes) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    PublishedRun run(seed, 12);
    TestFollower replaying(run.bucket, run.table);
    expect_reached(run, replaying, 12);
    for (int jump = 0; jump < 10; ++jump) {
        const auto version = static_cast<std::int64_t>(1 + random() % 12);
        offer_jump(run, static_cast<std::int64_t>(random() % 13) % (version + 1) - 1, version);
    }
    TestFollower jumping(run.bucket, run.table);
    expect_reached(run, jumping, 12);
    EXPECT_LE(fetched_by(jumping), fetched_by(replaying));
    EXPECT_LE(jumping.commits.size(), replaying.commits.size());
}

}  // namespace
}  // namespace dws
