// What a follower does when objects, the log, the bucket or its own memory let it down.
#include <gtest/gtest.h>

#include "sync/chain.h"
#include "sync/codec/interchange.h"
#include "sync/sha256.h"
#include "sync/subscriber.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

using std::chrono::milliseconds;

TEST(SubscriberFaults, ADamagedObjectIsFetchedAgainUntilItIsSound) {
    for (const bool is_cut : {true, false}) {
        PublishedRun run(13, 2);
        const std::string key = run.trainer.object_key(2);
        if (is_cut)
            run.bucket.truncate(key, 100);
        else
            run.bucket.flip(key, 2'000);
        TestFollower follower(run.bucket, run.table);
        ASSERT_TRUE(follower.reach(1));
        ASSERT_TRUE(eventually([&] { return follower.faults.has("fetching it again"); }));
        ASSERT_TRUE(eventually([&] { return follower.faults.has("keeping version 1"); }));
        EXPECT_EQ(follower.replica().version(), 1);
        run.bucket.heal(key);
        EXPECT_TRUE(follower.reach(2));
        expect_same(run.trainer, follower);
    }
}

TEST(SubscriberFaults, WhatIsWaitedForIsNamedOnceWithWhatHelps) {
    PublishedRun run(15, 2);
    const std::string key = run.trainer.object_key(2);
    run.bucket.hide(key);
    ASSERT_TRUE(run.trainer.publisher->finish({}));
    TestFollower follower(run.bucket, run.table);
    ASSERT_TRUE(follower.reach(1));
    const std::string said = "waiting for the object " + key.substr(4) +
                             " (the run has ended, no later anchor will come): the operator";
    ASSERT_TRUE(eventually([&] { return follower.faults.has(said); })) << follower.faults.all();
    ASSERT_TRUE(eventually([&] { return run.bucket.gets_of(key) >= 4; }));
    EXPECT_EQ(follower.faults.count("waiting"), 1u) << follower.faults.all();
    run.bucket.heal(key);
    EXPECT_TRUE(follower.complete());
}

TEST(SubscriberFaults, ARecordThatStaysUnreadableIsNamedOnce) {
    PublishedRun run(15, 2);
    const std::string key = log_key("run", 2);
    run.bucket.truncate(key, 100);
    TestFollower follower(run.bucket, run.table);
    ASSERT_TRUE(follower.reach(1));
    ASSERT_TRUE(eventually([&] { return run.bucket.gets_of(key) >= 5; }));
    EXPECT_EQ(follower.faults.count("nothing from " + key + " on is seen until the operator"), 1u)
        << follower.faults.all();
    run.bucket.set_unreachable(true);
    ASSERT_TRUE(eventually([&] { return follower.faults.has("out of reach"); }))
        << "another fault is told";
    run.bucket.set_unreachable(false);
    run.bucket.heal(key);
    EXPECT_TRUE(follower.reach(2));
}

// A delta that does not lead where its record says. Refetching it helps nobody.
TEST(SubscriberFaults, AWrongDeltaOnSoundWordsIsTriedEverMoreSeldom) {
    PublishedRun run(15, 1);
    run.trainer.publisher.reset();
    ChainReader reader(run.bucket, "run");
    while (reader.next()) continue;
    const std::uint64_t epoch = reader.position().epoch;
    ChainWriter writer(run.bucket, "run", reader.position(), epoch);
    Record draft;
    draft.kind = RecordKind::delta;
    draft.base_version = 1;
    draft.version = 2;
    draft.total_words = run.table.words();
    draft.layout_hash = run.table.layout_hash();
    draft.digest = Digest{{1, 2}};
    draft.trainer_step = 2;
    encode_delta(run.table, {}, 2, Encoding::raw, 1 << 20, [&](const Bytes& file) {
        draft.objects.push_back({"objects/wrong.safetensors", file.size(), sha256_hex(file)});
        return bool(run.bucket.put("run/objects/wrong.safetensors", file));
    });
    ASSERT_TRUE(writer.commit(draft));
    const std::string next_record = log_key("run", reader.position().next_sequence + 1);
    TestFollower follower(run.bucket, run.table);
    ASSERT_TRUE(follower.reach(1));
    ASSERT_TRUE(eventually([&] { return run.bucket.gets_of(next_record) >= 60; }));
    EXPECT_LE(run.bucket.gets_of("run/objects/wrong.safetensors"), 20);
    EXPECT_GE(run.bucket.gets_of("run/objects/wrong.safetensors"), 2);
    EXPECT_TRUE(follower.subscriber->is_sound());
}

TEST(SubscriberFaults, AMissingObjectIsWaitedFor) {
    PublishedRun run(14, 2);
    const std::string key = run.trainer.object_key(2);
    run.bucket.hide(key);
    TestFollower follower(run.bucket, run.table);
    ASSERT_TRUE(follower.reach(1));
    ASSERT_TRUE(eventually([&] { return follower.faults.has("waiting for the object"); }));
    run.bucket.heal(key);
    EXPECT_TRUE(follower.reach(2));
    expect_same(run.trainer, follower);
}

// A later anchor, as a trainer that stores a version whole would write it.
void commit_anchor(PublishedRun& run, std::int64_t trainer_step) {
    ChainReader reader(run.bucket, "run");
    while (reader.next()) continue;
    const std::uint64_t epoch = reader.position().epoch;
    ChainWriter writer(run.bucket, "run", reader.position(), epoch);
    Record draft;
    draft.kind = RecordKind::anchor;
    draft.version = reader.position().version + 1;
    draft.changed_words = draft.total_words = run.table.words();
    draft.layout_hash = run.table.layout_hash();
    draft.digest = sum(digest_tiles(run.table, run.trainer.words()));
    draft.trainer_step = trainer_step;
    encode_anchor(run.table, run.trainer.words(), draft.version, 1 << 20, [&](const Bytes& file) {
        draft.objects.push_back(
            {"objects/anchor-later.safetensors", file.size(), sha256_hex(file)});
        return bool(run.bucket.put("run/objects/anchor-later.safetensors", file));
    });
    ASSERT_TRUE(writer.commit(draft));
}

TEST(SubscriberFaults, ANewcomerBeginsAtTheNewestAnchor) {
    PublishedRun run(16, 3);
    run.trainer.publisher.reset();
    commit_anchor(run, 3);
    TestFollower follower(run.bucket, run.table);
    ASSERT_TRUE(follower.reach(4));
    EXPECT_EQ(follower.commits.size(), 1u);
    EXPECT_EQ(follower.words(), run.trainer.words());
}

TEST(SubscriberFaults, ABrokenRoadIsReplacedByALaterAnchor) {
    PublishedRun run(17, 3);
    run.bucket.hide(run.trainer.object_key(2));
    TestFollower follower(run.bucket, run.table);
    ASSERT_TRUE(follower.reach(1));
    ASSERT_TRUE(eventually([&] { return follower.faults.has("waiting for the object"); }));
    run.trainer.publisher.reset();
    commit_anchor(run, 3);
    ASSERT_TRUE(follower.reach(4));
    EXPECT_TRUE(follower.faults.has("reloading anchor 4")) << follower.faults.all();
    EXPECT_EQ(follower.words(), run.trainer.words());
}

TEST(SubscriberFaults, KeepsItsVersionWhileTheBucketIsAway) {
    PublishedRun run(18, 1);
    TestFollower follower(run.bucket, run.table);
    ASSERT_TRUE(follower.reach(1));
    run.bucket.set_unreachable(true);
    ASSERT_TRUE(eventually([&] { return follower.faults.has("keeping version 1"); }));
    std::this_thread::sleep_for(milliseconds{60});
    EXPECT_EQ(follower.faults.count("reading the log again"), 1u) << "told once per outage";
    EXPECT_FALSE(follower.subscriber->failure());
    run.bucket.set_unreachable(false);
    ASSERT_TRUE(run.trainer.publish_version(10));
    EXPECT_TRUE(follower.reach(2));
    expect_same(run.trainer, follower);
}

TEST(SubscriberFaults, AHistoryThatDoesNotFollowIsRefusedForGood) {
    PublishedRun run(19, 1);
    TestFollower follower(run.bucket, run.table);
    ASSERT_TRUE(follower.reach(1));
    const Bytes words = follower.words();
    ChainReader reader(run.bucket, "run");
    while (reader.next()) continue;
    Record forged;
    forged.run = "run";
    forged.sequence = reader.position().next_sequence;
    forged.epoch = reader.position().epoch;
    forged.writer = "somebody";
    forged.nonce = std::string(32, '0');
    forged.kind = RecordKind::end;
    forged.version = reader.position().version;
    forged.digest = reader.position().digest;
    forged.trainer_step = reader.position().trainer_step;
    forged.previous_sha256 = std::string(64, 'a');
    ASSERT_TRUE(run.bucket.put(log_key("run", forged.sequence), encode_record(forged)));
    ASSERT_TRUE(eventually([&] { return follower.subscriber->failure().has_value(); }));
    EXPECT_EQ(follower.subscriber->failure()->fault, Fault::untrusted);
    EXPECT_EQ(follower.subscriber->state(), SubscriberState::faulted);
    EXPECT_FALSE(follower.subscriber->has_staged());
    EXPECT_EQ(follower.words(), words);
}

TEST(SubscriberFaults, ARunOfOtherArraysIsRefused) {
    PublishedRun run(20, 0);
    const ArrayTable other = make_table({{"norm.weight", DType::kBF16, {97}}});
    TestFollower follower(run.bucket, other);
    ASSERT_TRUE(eventually([&] { return follower.subscriber->failure().has_value(); }));
    EXPECT_NE(follower.subscriber->failure()->detail.find("other arrays"), std::string::npos);
}

TEST(SubscriberFaults, AFlippedWordThatNoDeltaTouchesIsFoundAndHealed) {
    PublishedRun run(21, 1);
    TestFollower follower(run.bucket, run.table);
    ASSERT_TRUE(follower.reach(1));
    ASSERT_TRUE(eventually([&] { return follower.is_at_rest(); }));
    follower.flip(run.table, 0, 17);
    Bytes next = run.trainer.words();
    const Tile last = run.table.tile(run.table.tiles() - 1);
    write_word(next, last, 0, read_word(next, last, 0) ^ 3u);
    ASSERT_TRUE(run.trainer.publisher->hand_over(run.trainer.step_to(next)));
    EXPECT_TRUE(follower.subscriber->is_sound()) << "nobody has looked yet";
    ASSERT_TRUE(follower.reach(2));
    ASSERT_TRUE(eventually([&] { return follower.rescans.has("error 2"); }));
    ASSERT_TRUE(eventually([&] { return follower.subscriber->has_staged(); }));
    EXPECT_FALSE(follower.subscriber->is_sound()) << "until the reload is committed";
    follower.commit_staged();
    EXPECT_TRUE(follower.subscriber->is_sound());
    EXPECT_TRUE(follower.rescans.has("norm.weight")) << follower.rescans.all();
    EXPECT_TRUE(follower.rescans.has("words 0 to 95")) << follower.rescans.all();
    ASSERT_TRUE(eventually([&] {
        follower.commit_staged();
        return follower.rescans.has("ok 2");
    }));
    EXPECT_TRUE(follower.faults.has("reloading anchor 0")) << follower.faults.all();
    EXPECT_EQ(follower.words(), run.trainer.words());
}

TEST(SubscriberFaults, ARollingRescanComesAroundToEveryTile) {
    PublishedRun run(22, 0);
    TestFollower follower(run.bucket, run.table,
                          {.run = "run", .doorbell = {}, .full_rescan = false, .rescan_tiles = 1});
    ASSERT_TRUE(follower.reach(0));
    ASSERT_TRUE(eventually([&] { return follower.is_at_rest(); }));
    follower.flip(run.table, run.table.tiles() - 1, 5);
    for (std::size_t version = 1; version <= run.table.tiles(); ++version) {
        Bytes next = run.trainer.words();
        write_word(next, run.table.tile(0), 0, static_cast<std::uint32_t>(version));
        ASSERT_TRUE(run.trainer.publisher->hand_over(run.trainer.step_to(next)));
        ASSERT_TRUE(run.trainer.publisher->flush({}));
        ASSERT_TRUE(follower.reach(static_cast<std::int64_t>(version)));
    }
    EXPECT_TRUE(eventually([&] {
        follower.commit_staged();
        return follower.rescans.has("error 4: live memory of array head.weight") &&
               follower.rescans.has("ok 4");
    })) << follower.rescans.all();
    EXPECT_EQ(follower.words(), run.trainer.words());
}

TEST(SubscriberFaults, AFlippedWordUnderADeltaIsFoundBeforeAnythingIsWritten) {
    PublishedRun run(23, 1);
    TestFollower follower(run.bucket, run.table);
    ASSERT_TRUE(follower.reach(1));
    ASSERT_TRUE(eventually([&] { return follower.is_at_rest(); }));
    follower.flip(run.table, 1, 40);
    Bytes next = run.trainer.words();
    write_word(next, run.table.tile(1), 40, read_word(next, run.table.tile(1), 40) ^ 0x30u);
    ASSERT_TRUE(run.trainer.publisher->hand_over(run.trainer.step_to(next)));
    ASSERT_TRUE(follower.reach(2));
    EXPECT_TRUE(follower.faults.has("reloading anchor 0")) << follower.faults.all();
    EXPECT_TRUE(follower.faults.has("embed.weight")) << follower.faults.all();
    EXPECT_FALSE(follower.rescans.has("error")) << follower.rescans.all();
    EXPECT_EQ(follower.words(), run.trainer.words());
}

}  // namespace
}  // namespace dws
