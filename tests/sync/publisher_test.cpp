#include "sync/publisher.h"

#include <gtest/gtest.h>

#include "sync/chain.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/gated_bucket.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

// The whole log, or as far as it can be read.
std::vector<Record> read_log(ChainReader& reader) {
    std::vector<Record> records;
    for (Result<Record> record = reader.next(); record; record = reader.next())
        records.push_back(*record);
    return records;
}

std::vector<Record> read_log(Bucket& bucket) {
    ChainReader reader(bucket, "run");
    return read_log(reader);
}

TEST(Publisher, ARunIsAnAnchorDeltasAndAnEnd) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer trainer(bucket, table, 1);
    ASSERT_TRUE(trainer.start_with_anchor());
    ASSERT_TRUE(trainer.publish_version(50));
    ASSERT_TRUE(trainer.publish_version(50));
    ASSERT_TRUE(trainer.publisher->finish({}));

    const std::vector<Record> log = read_log(bucket);
    ASSERT_EQ(log.size(), 4u);
    EXPECT_EQ(log[0].kind, RecordKind::anchor);
    EXPECT_EQ(log[0].sequence, 0u);
    EXPECT_EQ(log[2].kind, RecordKind::delta);
    EXPECT_EQ(log[2].version, 2);
    EXPECT_EQ(log[2].base_version, 1);
    EXPECT_EQ(log[2].trainer_step, 2);
    EXPECT_EQ(log[2].digest, sum(digest_tiles(table, trainer.words())));
    EXPECT_EQ(log[3].kind, RecordKind::end);
}

TEST(Publisher, ObjectsAreNamedByVersionAndContent) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer trainer(bucket, table, 2);
    ASSERT_TRUE(trainer.start_with_anchor());
    ASSERT_TRUE(trainer.publish_version(50));
    const ObjectRef object = trainer.published().at(1).record.objects.at(0);
    EXPECT_EQ(object.key, "objects/delta-000001-" + object.sha256.substr(0, 16) + ".safetensors");
}

TEST(Publisher, FilesAreCutAtTheConfiguredSize) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer trainer(bucket, table, 3);
    trainer.options.file_bytes = 1;
    ASSERT_TRUE(trainer.start_with_anchor());
    EXPECT_EQ(trainer.published().at(0).record.objects.size(), 3u);  // one per array
}

TEST(Publisher, ANewRunNeedsAnEmptyLog) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer first(bucket, table, 4);
    ASSERT_TRUE(first.start_with_anchor());
    TestTrainer second(bucket, table, 5);
    const Result<Done> started = second.start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().fault, Fault::superseded);
}

TEST(Publisher, ABucketThatIgnoresTheConditionIsRefused) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    bucket.ignore_condition(true);
    TestTrainer trainer(bucket, table, 6);
    const Result<Done> started = trainer.start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().fault, Fault::untrusted);
}

TEST(Publisher, StepsMergeWhileTheBucketIsAway) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer trainer(bucket, table, 7);
    ASSERT_TRUE(trainer.start_with_anchor());
    bucket.set_unreachable(true);
    for (int step = 0; step < 60; ++step) {
        Pending next = trainer.next_step(2'000);
        next.games = {{"worker", step, step + 1, {}, {}, {}}};
        ASSERT_TRUE(trainer.publisher->hand_over(std::move(next)));
        EXPECT_LE(trainer.publisher->pending_words(), table.words());
    }
    EXPECT_TRUE(eventually([&] { return trainer.faults.count("out of reach") >= 2; }));
    bucket.set_unreachable(false);
    ASSERT_TRUE(trainer.publisher->flush({}));
    EXPECT_EQ(trainer.publisher->pending_words(), 0u);

    const std::vector<Record> log = read_log(bucket);
    EXPECT_LE(log.size(), 10u) << "most steps merged";
    EXPECT_EQ(log.back().trainer_step, 60);
    EXPECT_EQ(log.back().digest, sum(digest_tiles(table, trainer.words())));
    std::int64_t steps = 0;
    for (const PublishedVersion& version : trainer.published()) steps += version.steps;
    EXPECT_EQ(steps, 60);
    ChainReader reader(bucket, "run");
    read_log(reader);
    EXPECT_EQ(reader.position().cursors.at("worker"), 60);
}

TEST(Publisher, ALostAnswerMakesNoSecondRecord) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer trainer(bucket, table, 8);
    ASSERT_TRUE(trainer.start_with_anchor());
    bucket.lose_answer_of("log/00000000000000000001");
    bucket.lose_answer_of("objects/delta-000002");
    ASSERT_TRUE(trainer.publish_version(10));
    ASSERT_TRUE(trainer.publish_version(10));
    EXPECT_EQ(read_log(bucket).size(), 3u);
    EXPECT_EQ(trainer.faults.count("out of reach"), 2u);
}

// What a death between the two leaves behind: an object, and no version.
TEST(Publisher, ObjectsWithoutARecordAreNoVersion) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    {
        TestTrainer trainer(bucket, table, 9);
        ASSERT_TRUE(trainer.start_with_anchor());
        Random random(9);
        const Changes changes =
            diff(table, trainer.words(), changed_words(table, trainer.words(), 0.01, random));
        encode_delta(table, changes, 1, Encoding::raw, 1 << 20, [&](const Bytes& file) {
            return bool(bucket.put("run/objects/delta-000001-0.safetensors", file));
        });
    }
    ChainReader reader(bucket, "run");
    EXPECT_EQ(read_log(reader).size(), 1u);
    TestTrainer again(bucket, table, 9);
    ASSERT_TRUE(again.resume(reader.position()));
    ASSERT_TRUE(again.publish_version(5));
    EXPECT_EQ(read_log(bucket).back().version, 1);
}

TEST(Publisher, ResumeContinuesTheChainInANewEpoch) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer first(bucket, table, 10);
    ASSERT_TRUE(first.start_with_anchor());
    ASSERT_TRUE(first.publish_version(10));
    first.publisher.reset();
    ChainReader reader(bucket, "run");
    read_log(reader);

    ASSERT_TRUE(first.resume(reader.position()));
    ASSERT_TRUE(first.publish_version(10));
    ASSERT_TRUE(first.publisher->finish({}));
    const std::vector<Record> log = read_log(bucket);
    ASSERT_EQ(log.size(), 5u);
    EXPECT_EQ(log[2].kind, RecordKind::epoch);
    EXPECT_EQ(log[2].version, 1);
    EXPECT_EQ(log[3].version, 2);
    EXPECT_EQ(log[3].epoch, log[1].epoch + 1);
    EXPECT_EQ(log[3].digest, sum(digest_tiles(table, first.words())));
}

TEST(Publisher, ResumeRefusesAStoreThatIgnoresTheCondition) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer trainer(bucket, table, 14);
    ASSERT_TRUE(trainer.start_with_anchor());
    trainer.publisher.reset();
    ChainReader reader(bucket, "run");
    read_log(reader);
    bucket.ignore_condition(true);
    const Result<Done> resumed = trainer.resume(reader.position());
    ASSERT_FALSE(resumed);
    EXPECT_EQ(resumed.error().fault, Fault::untrusted);
    EXPECT_EQ(read_log(bucket).size(), 1u) << "no epoch record was written";
}

TEST(Publisher, ASupersededOneStopsForGood) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer old_one(bucket, table, 11);
    ASSERT_TRUE(old_one.start_with_anchor());
    ChainReader reader(bucket, "run");
    read_log(reader);
    TestTrainer new_one(bucket, table, 11);
    ASSERT_TRUE(new_one.resume(reader.position()));

    ASSERT_TRUE(old_one.publish_step(10));
    EXPECT_FALSE(old_one.publisher->flush({}));
    ASSERT_TRUE(old_one.publisher->failure());
    EXPECT_EQ(old_one.publisher->failure()->fault, Fault::superseded);
    EXPECT_FALSE(old_one.publish_step(10));
    EXPECT_FALSE(old_one.publisher->finish({}));
    EXPECT_TRUE(new_one.publish_version(10)) << "the new one goes on";
}

TEST(Publisher, AStoppedAnchorGivesTheWordsBack) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer trainer(bucket, table, 12);
    ASSERT_TRUE(trainer.start());
    bucket.set_unreachable(true);
    std::stop_source source;
    std::jthread stopper([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
        source.request_stop();
    });
    const Stopwatch watch;
    EXPECT_FALSE(trainer.publisher->publish_anchor(trainer.words(), 0, {}, source.get_token()));
    EXPECT_LT(watch.seconds(), 2);
    EXPECT_FALSE(trainer.publish_step(1)) << "it is of no use any more";
}

TEST(Publisher, EndsPromptlyWhileTheBucketIsAway) {
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer trainer(bucket, table, 13);
    ASSERT_TRUE(trainer.start_with_anchor());
    bucket.set_unreachable(true);
    ASSERT_TRUE(trainer.publish_step(10));
    ASSERT_TRUE(eventually([&] { return trainer.faults.has("out of reach"); }));
    std::stop_source source;
    source.request_stop();
    const Stopwatch watch;
    EXPECT_FALSE(trainer.publisher->flush(source.get_token()));
    trainer.publisher.reset();
    EXPECT_LT(watch.seconds(), 2);
}

// Which of the two a publisher gets depends on how busy it is: followers must not see it.
TEST(Publisher, AnEncodedStepIsTheVersionThatListedChangesAre) {
    for (const Encoding encoding : {Encoding::flat, Encoding::classes, Encoding::smallest}) {
        for (const std::size_t file_bytes : {std::size_t{1}, std::size_t{64} << 20}) {
            const ArrayTable table = small_table();
            FaultyBucket encoded_bucket, listed_bucket;
            TestTrainer encoded(encoded_bucket, table, 21), listed(listed_bucket, table, 21);
            encoded.options.encoding = listed.options.encoding = encoding;
            encoded.options.file_bytes = listed.options.file_bytes = file_bytes;
            ASSERT_TRUE(encoded.start_with_anchor());
            ASSERT_TRUE(listed.start_with_anchor());
            for (int step = 0; step < 4; ++step) {
                const std::size_t changes = step == 2 ? 0 : 500;
                ASSERT_TRUE(encoded.publisher->is_idle());
                ASSERT_TRUE(encoded.publish_encoded_step(changes));
                ASSERT_TRUE(encoded.publisher->flush({}));
                ASSERT_TRUE(listed.publish_version(changes));
            }
            const std::vector<Record> log = read_log(encoded_bucket);
            const std::vector<Record> other = read_log(listed_bucket);
            ASSERT_EQ(log.size(), other.size());
            for (std::size_t index = 0; index < log.size(); ++index) {
                EXPECT_EQ(log[index].digest, other[index].digest);
                EXPECT_EQ(log[index].changed_words, other[index].changed_words);
                EXPECT_EQ(log[index].trainer_step, other[index].trainer_step);
            }
            TestFollower follower(encoded_bucket, table);
            EXPECT_TRUE(follower.reach(4, [&] { expect_same(encoded, follower); }));
        }
    }
}

TEST(Publisher, IsIdleOnlyWhereAnEncodedStepWouldBeAVersionByItself) {
    const ArrayTable table = small_table();
    GatedBucket bucket;
    TestTrainer trainer(bucket, table, 22);
    ASSERT_TRUE(trainer.start_with_anchor());
    EXPECT_TRUE(trainer.publisher->is_idle());
    bucket.close_gate();
    ASSERT_TRUE(trainer.publish_encoded_step(10));
    EXPECT_FALSE(trainer.publisher->is_idle());
    ASSERT_TRUE(eventually([&] { return bucket.waiting() == 1; }));
    EXPECT_FALSE(trainer.publisher->is_idle());
    bucket.open_gate();
    ASSERT_TRUE(trainer.publisher->flush({}));
    EXPECT_TRUE(trainer.publisher->is_idle());
    // Decided games alone are a version too.
    Pending games;
    games.games = {{"worker", 0, 1, {}, {}, {}}};
    games.trainer_step = 1;
    bucket.close_gate();
    ASSERT_TRUE(trainer.publisher->hand_over(std::move(games)));
    EXPECT_FALSE(trainer.publisher->is_idle());
    bucket.open_gate();
    ASSERT_TRUE(trainer.publisher->flush({}));

    FaultyBucket plain;
    TestTrainer interchange(plain, table, 23);
    interchange.options.encoding = Encoding::gap_delta;
    ASSERT_TRUE(interchange.start_with_anchor());
    EXPECT_FALSE(interchange.publisher->is_idle());
}

// The link takes five steps per put. No hand-over waits for it: each returns while the put is held.
TEST(Publisher, AnUplinkFiveTimesSlowerThanAStepStretchesNoStep) {
    const ArrayTable table = small_table();
    GatedBucket bucket;
    TestTrainer trainer(bucket, table, 24);
    ASSERT_TRUE(trainer.start_with_anchor());
    TestFollower follower(bucket, table);
    int encoded = 0, listed = 0;
    for (int round = 0; round < 6; ++round) {
        ASSERT_TRUE(trainer.publisher->flush({}));
        bucket.close_gate();
        for (int step = 0; step < 5; ++step) {
            const bool is_idle = trainer.publisher->is_idle();
            ASSERT_TRUE(is_idle ? trainer.publish_encoded_step(400) : trainer.publish_step(400));
            ++(is_idle ? encoded : listed);
            ASSERT_TRUE(eventually([&] { return bucket.waiting() == 1; })) << "still held";
            EXPECT_LE(trainer.publisher->pending_words(), table.words());
        }
        bucket.open_gate();
    }
    ASSERT_TRUE(trainer.publisher->flush({}));
    EXPECT_EQ(encoded, 6);
    EXPECT_EQ(listed, 24);
    const std::vector<PublishedVersion> versions = trainer.published();
    ASSERT_EQ(versions.size(), 13u);
    for (std::size_t version = 1; version < versions.size(); ++version) {
        EXPECT_EQ(versions[version].steps, version % 2 == 1 ? 1 : 4);
    }
    EXPECT_TRUE(follower.reach(12, [&] { expect_same(trainer, follower); }));
    EXPECT_EQ(follower.replica().digest(), sum(digest_tiles(table, trainer.words())));
}

}  // namespace
}  // namespace dws
