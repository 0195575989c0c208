// The whole loop as separate processes: what a run must leave behind, whatever happens to it.
#include "experiments/launcher/loop.h"

#include <gtest/gtest.h>

#include <stop_token>

#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

// A run of the tiny configuration; each test changes what it is about.
struct LoopTest : ::testing::Test {
    ScratchFolder scratch;
    LoopOptions options;

    LoopTest() {
        options.binaries = BINARY_ROOT;
        options.config = SOURCE_ROOT "/tests/end_to_end/tiny.yaml";
        options.output = scratch / "run";
        options.overrides = {"env.words=" SOURCE_ROOT "/tests/end_to_end/words.txt"};
        options.evaluates = false;
        options.timeout_s = 300;
    }

    Story run() { return run_loop(options, std::stop_token()); }

    // The promise every run keeps: all replicas that ended hold the trainer's last version, and
    // every rescan of live words found what it had to find. run_loop() has verified the bucket.
    static void expect_proven(const Story& story, std::size_t replicas_ended) {
        EXPECT_EQ(story.digests_failed, 0);
        std::size_t ended = 0;
        for (const auto& [name, worker] : story.workers) {
            if (!worker.has_ended) continue;
            ended += 1;
            EXPECT_EQ(worker.digest, story.final_digest) << name;
        }
        EXPECT_EQ(ended, replicas_ended);
    }
};

TEST_F(LoopTest, EveryVersionReachesEveryWorkerBitForBit) {
    options.evaluates = true;
    const Story story = run();
    expect_proven(story, 2);
    ASSERT_FALSE(story.steps.empty());
    EXPECT_EQ(story.steps.back().step, 12);
    for (const auto& [name, worker] : story.workers) {
        if (worker.has_ended) {
            EXPECT_EQ(worker.commits, std::ssize(story.versions)) << name;
        }
    }
    EXPECT_GE(story.digests_checked, 2 * std::ssize(story.versions));
    EXPECT_EQ(story.evaluations.size(), 2u);
    EXPECT_EQ(story.evaluations.begin()->first, 0);
    EXPECT_EQ(story.evaluations.rbegin()->first, story.versions.back().version);
}

TEST_F(LoopTest, AKilledWorkerIsReplacedAndNothingElseNotices) {
    options.overrides.push_back("trainer.steps=30");
    options.kill_worker_at_step = 8;
    const Story story = run();
    expect_proven(story, 2);
    EXPECT_EQ(story.workers.size(), 3u);
    EXPECT_EQ(story.steps.back().step, 30);
    EXPECT_EQ(story.faults, 0);
    // The newcomer had anchor 0 and every delta to take, as the survivors did before.
    for (const auto& [name, worker] : story.workers) {
        if (worker.has_ended) {
            EXPECT_EQ(worker.commits, std::ssize(story.versions)) << name;
        }
    }
}

TEST_F(LoopTest, WorkersThatHoldVersionsBackStartAndEndWithTheOthers) {
    options.overrides.push_back("worker.hold_back_versions=3");
    const Story story = run();
    expect_proven(story, 2);
    EXPECT_EQ(story.steps.back().step, 12);
}

TEST_F(LoopTest, WorkersWithTwoCopiesOfTheWeightsHoldTheTrainersVersions) {
    options.overrides.push_back("worker.weight_copies=2");
    options.overrides.push_back("worker.sync_threads=2");
    const Story story = run();
    expect_proven(story, 2);
    EXPECT_EQ(story.steps.back().step, 12);
}

TEST_F(LoopTest, LostRepeatedAndReorderedNotificationsCostTimeOnly) {
    options.doorbell_drop = 0.5;
    options.doorbell_repeat = 0.3;
    options.doorbell_delay_ms = 200;
    options.kill_doorbell_at_step = 6;
    const Story story = run();
    expect_proven(story, 2);
    EXPECT_EQ(story.steps.back().step, 12);
}

TEST_F(LoopTest, ASlowUplinkMergesStepsIntoFewerVersions) {
    options.overrides.push_back("trainer.steps=24");
    options.roles["trainer"].overrides = {"bucket.put_latency_ms=1000"};
    const Story story = run();
    expect_proven(story, 2);
    EXPECT_EQ(story.steps.back().step, 24);
    EXPECT_LT(std::ssize(story.versions), 24);
    std::int64_t covered = 0;
    for (const VersionRow& version : story.versions) covered += version.steps;
    EXPECT_EQ(covered, 24);
}

}  // namespace
}  // namespace dws
