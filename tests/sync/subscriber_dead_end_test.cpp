// Followers whose road has broken off while another one is there: none of them waits for ever.
#include <gtest/gtest.h>

#include <string>

#include "sync/subscriber.h"
#include "tests/support/jumps.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

// Holds `version` and knows of nothing later, whatever is published, until the log is shown.
struct Latecomer {
    Latecomer(std::uint64_t seed, std::int64_t version)
        : run(seed, static_cast<int>(version)), follower(run.bucket, run.table), next(version + 1) {
        EXPECT_TRUE(follower.reach(version)) << follower.faults.all();
        EXPECT_TRUE(eventually([&] { return follower.is_at_rest(); }));
        run.bucket.hide(log_key("run", static_cast<std::uint64_t>(next)));
    }
    void show_log() { run.bucket.heal(log_key("run", static_cast<std::uint64_t>(next))); }
    void publish(int versions) {
        for (int version = 0; version < versions; ++version)
            EXPECT_TRUE(run.trainer.publish_version(10));
    }
    void expect_reached(std::int64_t version) {
        ASSERT_TRUE(follower.reach(version)) << follower.faults.all();
        EXPECT_EQ(follower.replica().version(), version);
        EXPECT_EQ(follower.words(), run.trainer.words_at_step(follower.replica().trainer_step()));
    }

    PublishedRun run;
    TestFollower follower;
    const std::int64_t next;
};

// A word that no later version of the tests below changes.
constexpr std::size_t kTile = 1;
constexpr std::size_t kPosition = 60'000;

// Each changes words of its own, a little: a fold is no smaller than what it replaces.
void publish_distinct(PublishedRun& run, int versions) {
    const Tile tile = run.table.tile(kTile);
    for (int version = 0; version < versions; ++version) {
        Bytes next = run.trainer.words();
        for (std::size_t word = 0; word < 3000; ++word) {
            const std::size_t position = 3000 * static_cast<std::size_t>(version) + word;
            write_word(next, tile, position, read_word(next, tile, position) ^ 1u);
        }
        EXPECT_TRUE(run.trainer.publisher->hand_over(run.trainer.step_to(next)));
        EXPECT_TRUE(run.trainer.publisher->flush({}));
    }
}

TEST(SubscriberDeadEnd, AnOlderAnchorAndAFoldLeadPastAMissingDelta) {
    Latecomer late(61, 5);
    late.publish(3);
    offer_jump(late.run, -1, 4);
    offer_jump(late.run, 4, 8);
    remove_objects(late.run, 0, 4);
    remove_objects(late.run, 6, 6);
    late.show_log();
    late.expect_reached(8);
    EXPECT_EQ(late.follower.commits.back().version, 8);
    EXPECT_TRUE(late.follower.faults.has("reloading anchor 4")) << late.follower.faults.all();
}

TEST(SubscriberDeadEnd, WhoIsUpToDateDoesNotLookBack) {
    Latecomer late(62, 3);
    offer_jump(late.run, -1, 2);
    offer_jump(late.run, 2, 3);
    const int lists = late.run.bucket.counts().lists;
    late.publish(1);
    late.show_log();
    late.expect_reached(4);
    ASSERT_TRUE(eventually([&] { return late.follower.is_at_rest(); }));
    EXPECT_EQ(late.run.bucket.counts().lists, lists);
}

TEST(SubscriberDeadEnd, WhoHoldsBackFindsTheOnlyAnchorThereIs) {
    for (const std::int64_t hold_back : {1, 2, 3, 4}) {
        PublishedRun run(63, 4);
        offer_jump(run, -1, 4);
        remove_objects(run, 0, 4);
        TestFollower follower(run.bucket, run.table,
                              {.run = "run", .doorbell = {}, .hold_back_versions = hold_back});
        EXPECT_TRUE(follower.reach(4)) << hold_back << ": " << follower.faults.all();
    }
}

TEST(SubscriberDeadEnd, DamagedWordsGoOnToALaterAnchorWhereTheirVersionIsGone) {
    Latecomer late(64, 5);
    late.follower.flip(late.run.table, kTile, kPosition);
    publish_distinct(late.run, 2);
    offer_jump(late.run, -1, 7);
    remove_objects(late.run, 3, 3);
    late.show_log();
    late.expect_reached(7);
    EXPECT_TRUE(late.follower.rescans.has("error 6"));
}

// The road that led here may be the only one: what was struck on the way may serve again, and what
// was forgotten is asked for again.
TEST(SubscriberDeadEnd, DamagedWordsAreReloadedByTheFoldThatLedHere) {
    Latecomer late(65, 0);
    publish_distinct(late.run, 9);
    offer_jump(late.run, 0, 8);
    remove_objects(late.run, 1, 1);
    late.show_log();
    ASSERT_TRUE(eventually([&] { return late.follower.subscriber->has_staged(); }));
    late.follower.flip(late.run.table, kTile, kPosition);
    late.expect_reached(9);
    EXPECT_TRUE(late.follower.rescans.has("error 8"));
}

TEST(SubscriberDeadEnd, AnEntryOfJumpsThatWasRestoredIsTaken) {
    PublishedRun run(66, 3);
    remove_objects(run, 2, 2);
    const Jump anchor = make_jump(run, -1, 3);
    ASSERT_TRUE(run.bucket.put(jump_key("run", -1, 3), bytes_of("damaged")));
    TestFollower follower(run.bucket, run.table);
    ASSERT_TRUE(follower.reach(1));
    ASSERT_TRUE(eventually([&] { return follower.faults.has("waiting for the object"); }));
    put_jump(run, anchor);
    ASSERT_TRUE(follower.reach(3)) << follower.faults.all();
    EXPECT_EQ(follower.faults.count("none-000000000003.json"), 1u) << follower.faults.all();
}

}  // namespace
}  // namespace dws
