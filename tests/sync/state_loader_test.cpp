#include "sync/state_loader.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/jumps.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

// A replica of its own for each load.
struct Loaded {
    explicit Loaded(PublishedRun& run_) : run(run_) {}

    Result<Done> load(std::int64_t version) {
        const Result<LogState> read = read_log(run.bucket, "run", {});
        if (!read) return read.error();
        log = *read;
        return load_version(run.bucket, "run", log.versions, replica, version, {});
    }

    PublishedRun& run;
    LogState log;
    Bytes words = Bytes(run.table.layout().size_bytes());
    Replica replica{run.table, words};
};

TEST(StateLoader, LoadsAnyVersionOfTheLog) {
    PublishedRun run(51, 6);
    for (const std::int64_t version : {0, 3, 6}) {
        Loaded loaded(run);
        const Result<Done> done = loaded.load(version);
        ASSERT_TRUE(done) << done.error().detail;
        EXPECT_EQ(loaded.replica.version(), version);
        EXPECT_EQ(loaded.words, run.trainer.words_at_step(loaded.replica.trainer_step()));
        EXPECT_EQ(loaded.log.position.version, 6);
    }
}

TEST(StateLoader, GoesOnFromWhatTheReplicaHolds) {
    PublishedRun run(52, 5);
    Loaded loaded(run);
    ASSERT_TRUE(loaded.load(2));
    const int anchor_gets = run.bucket.gets_of(run.trainer.object_key(0));
    ASSERT_TRUE(loaded.load(5));
    EXPECT_EQ(loaded.words, run.trainer.words());
    EXPECT_EQ(run.bucket.gets_of(run.trainer.object_key(0)), anchor_gets);
    ASSERT_TRUE(loaded.load(5)) << "held already";
}

TEST(StateLoader, SurvivesRetentionByACompactorsJumps) {
    PublishedRun run(53, 9);
    offer_jump(run, -1, 4);
    offer_jump(run, 4, 8);
    remove_objects(run, 0, 7);
    Loaded loaded(run);
    const Result<Done> done = loaded.load(9);
    ASSERT_TRUE(done) << done.error().detail;
    EXPECT_EQ(loaded.words, run.trainer.words());
    Loaded too_old(run);
    const Result<Done> gone = too_old.load(2);
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().fault, Fault::missing);
}

TEST(StateLoader, GoesAroundABrokenJump) {
    PublishedRun run(54, 6);
    const Jump anchor = offer_jump(run, -1, 6);
    run.bucket.truncate("run/" + anchor.objects.front().key, 50);
    Loaded loaded(run);
    const Result<Done> done = loaded.load(6);
    ASSERT_TRUE(done) << done.error().detail;
    EXPECT_EQ(loaded.words, run.trainer.words());
}

TEST(StateLoader, NamesTheObjectThatNoRoadGoesAround) {
    PublishedRun run(55, 2);
    remove_objects(run, 1, 1);
    Loaded loaded(run);
    const Result<Done> done = loaded.load(2);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().fault, Fault::missing);
    EXPECT_NE(done.error().detail.find(run.trainer.object_key(1)), std::string::npos)
        << done.error().detail;
}

TEST(StateLoader, StopsWhenAskedTo) {
    PublishedRun run(56, 1);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(read_log(run.bucket, "run", stop.get_token()).error().fault, Fault::transport);
    Loaded loaded(run);
    Result<LogState> log = read_log(run.bucket, "run", {});
    EXPECT_EQ(load_version(run.bucket, "run", log->versions, loaded.replica, 1, stop.get_token())
                  .error()
                  .fault,
              Fault::transport);
}

TEST(StateLoader, ALogWithoutRecordsIsNoError) {
    FaultyBucket bucket;
    const Result<LogState> log = read_log(bucket, "run", {});
    ASSERT_TRUE(log);
    EXPECT_EQ(log->position.next_sequence, 0u);
    EXPECT_EQ(log->versions.newest_version(9), -1);
}

}  // namespace
}  // namespace dws
