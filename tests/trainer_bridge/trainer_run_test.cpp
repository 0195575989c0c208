#include "trainer_bridge/trainer_run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <stdexcept>
#include <string>

#include "base/clock.h"
#include "tests/trainer_bridge/run_fixture.h"

namespace dws {
namespace {

TEST_F(TrainerRun, EveryGroupIsDecidedInExactlyOneRecord) {
    for (int group = 0; group < 2; ++group) put_good("a");
    for (int group = 0; group < 2; ++group) put_good("b");
    run();
    EXPECT_EQ(trainer.learned.size(), 4u);
    const std::map<std::string, int> expected = {{"a/0", 1}, {"a/1", 1}, {"b/0", 1}, {"b/1", 1}};
    EXPECT_EQ(decisions(), expected);
    const std::vector<Record> log = records();
    EXPECT_EQ(log.back().kind, RecordKind::end);
    EXPECT_EQ(log.back().trainer_step, 2);
}

TEST_F(TrainerRun, WhatIsNotTrainedIsNamedByItsReason) {
    put("a", small_group({{1}, {1}}));  // 0: skipped
    put_bytes("a", "no group at all");  // 1: refused
    GameGroup hostile = small_group({{1}, {0}});
    hostile.games[0].tokens[0] = 1'000;
    put("a", hostile);                                      // 2: refused
    put("a", small_group({{1}, {0}}, 99));                  // 3: from the future, refused
    put_demonstration("a");                                 // 4: too late, stale
    for (int group = 0; group < 4; ++group) put_good("a");  // 5..8: trained, two steps
    run();
    GamesConsumed all;
    for (const Record& record : records()) {
        for (const GamesConsumed& games : record.games) {
            for (const auto& [from, to] :
                 {std::pair(&games.skipped, &all.skipped), std::pair(&games.stale, &all.stale),
                  std::pair(&games.refused, &all.refused)}) {
                to->insert(to->end(), from->begin(), from->end());
            }
        }
    }
    EXPECT_EQ(all.skipped, std::vector<std::int64_t>{0});
    EXPECT_EQ(all.refused, (std::vector<std::int64_t>{1, 2, 3}));
    EXPECT_EQ(all.stale, std::vector<std::int64_t>{4});
    EXPECT_EQ(trainer.learned, (std::vector<std::string>{"a/5", "a/6", "a/7", "a/8"}));
    EXPECT_EQ(count_events("\"fault\":\"corrupt\""), 3u);
}

// Games of step 0: still young at steps 0 and 1 (the bound is 1), dropped at step 2.
TEST_F(TrainerRun, GamesAreDroppedWhenTheyAreOlderThanTheBound) {
    config.trainer.steps = 3;
    for (int group = 0; group < 5; ++group) put_good("a", 0);
    for (int group = 0; group < 2; ++group) put_good("a", 1);
    EXPECT_NO_THROW(run());
    EXPECT_EQ(trainer.learned,
              (std::vector<std::string>{"a/0", "a/1", "a/2", "a/3", "a/5", "a/6"}));
    EXPECT_EQ(count_events("\"sample/dropped_stale_total\":1"), 1u);
    EXPECT_EQ(decisions().at("a/4"), 1);
}

TEST_F(TrainerRun, WarmStartImitatesDemonstrationsBeforeAnchorZero) {
    config.trainer.warm_start.steps = 3;
    config.trainer.warm_start.games_per_step = 4;  // two groups of two
    for (int group = 0; group < 6; ++group) put_demonstration("a");
    for (int group = 0; group < 4; ++group) put_good("a");
    run();
    EXPECT_EQ(trainer.imitation_steps, 3);
    EXPECT_EQ(trainer.imitated.size(), 6u);
    EXPECT_TRUE(trainer.has_begun);
    const std::vector<Record> log = records();
    const auto anchor = std::ranges::find(log, RecordKind::anchor, &Record::kind);
    ASSERT_NE(anchor, log.end());
    ASSERT_EQ(anchor->games.size(), 1u);
    EXPECT_EQ(anchor->games[0].next, 6);
    EXPECT_EQ(anchor->trainer_step, 0);
    EXPECT_EQ(count_events("\"event\":\"warm_start\""), 3u);
}

TEST_F(TrainerRun, TheStepEventHasTheNamesOfTheField) {
    for (int group = 0; group < 4; ++group) put_good("a");
    run();
    for (const char* name :
         {"step", "reward", "reward_std", "frac_reward_zero_std", "rewards/won/mean", "ratio", "kl",
          "sample/staleness_mean", "sample/staleness_max", "sample/dropped_stale_total",
          "sample/skipped_total", "sample/rollout_queue_size", "perf/step_s", "perf/rollout_wait_s",
          "trainer_stall_ms", "changed_fraction", "pending_words", "rss_mib"}) {
        EXPECT_EQ(count_events(fmt::format("\"{}\":", name)) >= 2, true) << name;
    }
    EXPECT_GE(count_events("\"event\":\"version\""), 2u);
    EXPECT_GE(count_events("\"digest\":"), 2u);
}

TEST_F(TrainerRun, ResumeGoesOnWithStepsWordsAndCursors) {
    for (int group = 0; group < 5; ++group) put_good("a");
    run();
    const std::vector<Record> before = records();
    ASSERT_EQ(trainer.learned.size(), 4u);

    config.trainer.steps = 4;
    for (int group = 0; group < 4; ++group) put_good("a", 2);
    FakeTrainer resumed;
    run_with(resumed, Start::resumed);
    EXPECT_EQ(resumed.step_number(), 4);
    // a/4 was played at step 0 and is too old by now.
    EXPECT_EQ(resumed.learned, (std::vector<std::string>{"a/5", "a/6", "a/7", "a/8"}));
    EXPECT_FALSE(resumed.has_begun);
    for (const auto& [group, times] : decisions()) EXPECT_EQ(times, 1) << group;
    const std::vector<Record> after = records();
    EXPECT_GT(after.back().epoch, before.back().epoch);
    EXPECT_EQ(after.back().kind, RecordKind::end);
    EXPECT_EQ(after.back().trainer_step, 4);
    // Words 0 and 1..4 of the second tile hold what the steps wrote, those before the resume too.
    const auto words = resumed.published_words();
    for (std::size_t step = 1; step <= 4; ++step) {
        EXPECT_EQ(std::to_integer<std::size_t>(words[2 * (kTileWords + step)]), step);
    }
}

TEST_F(TrainerRun, ACompleteRunIsNotResumed) {
    for (int group = 0; group < 4; ++group) put_good("a");
    run();
    const std::size_t before = records().size();
    run(Start::resumed);
    EXPECT_EQ(records().size(), before);
}

TEST_F(TrainerRun, ALogWithAHoleIsNotResumed) {
    for (int group = 0; group < 4; ++group) put_good("a");
    run();
    ASSERT_GE(records().size(), 3u);
    ASSERT_TRUE(bucket->remove(log_key("test", 1)));
    FakeTrainer resumed;
    try {
        run_with(resumed, Start::resumed);
        FAIL() << "a record was written into the hole";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("record 1 is gone from the log"),
                  std::string::npos)
            << error.what();
    }
    EXPECT_EQ(records().size(), 1u);
}

TEST_F(TrainerRun, StartingOverALogNamesTheWayOut) {
    for (int group = 0; group < 4; ++group) put_good("a");
    run();
    try {
        run();
        FAIL() << "a second start was accepted";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("--resume"), std::string::npos) << error.what();
    }
}

TEST_F(TrainerRun, StopsWithinTwoSecondsAndLeavesNoEnd) {
    config.trainer.steps = 1'000;
    for (int group = 0; group < 2; ++group) put_good("a");
    trainer.after_step = [&](std::int64_t) { stop.request_stop(); };
    const Stopwatch watch;
    run();
    EXPECT_LT(watch.seconds(), 2);
    EXPECT_EQ(records().back().kind, RecordKind::delta);  // the step under way was flushed
    EXPECT_EQ(count_events("\"event\":\"stop\""), 1u);
}

// After the first version the store is gone, and the step under way can never be committed.
TEST_F(TrainerRun, StopsWithinTwoSecondsThoughTheBucketFails) {
    config.trainer.steps = 1'000;
    for (int group = 0; group < 4; ++group) put_good("a");
    const std::filesystem::path folder = scratch / "bucket";
    double stopped_s = 0;
    trainer.after_step = [&](std::int64_t step) {
        if (step < 2) return;
        std::filesystem::remove_all(folder);
        std::ofstream(folder) << "in the way";
        stopped_s = monotonic_s();
        stop.request_stop();
    };
    bucket = open_bucket(folder.string(), {.deadline_s = 600}, {}, stop.get_token());
    run();
    EXPECT_LT(monotonic_s() - stopped_s, 2);
    EXPECT_EQ(count_events("\"is_flushed\":false"), 1u);
}

TEST_F(TrainerRun, AResumeIsStoppedBeforeTheLogIsRead) {
    for (int group = 0; group < 4; ++group) put_good("a");
    run();
    const std::size_t before = records().size();
    stop.request_stop();
    FakeTrainer resumed;
    run_with(resumed, Start::resumed);
    EXPECT_EQ(records().size(), before);
    EXPECT_EQ(count_events("\"event\":\"stop\""), 1u);
}

TEST_F(TrainerRun, StopsWhileWaitingForDemonstrations) {
    config.trainer.warm_start.steps = 3;
    const auto running = std::async(std::launch::async, [&] { run(); });
    EXPECT_EQ(running.wait_for(std::chrono::milliseconds(2'300)), std::future_status::timeout);
    stop.request_stop();
    EXPECT_EQ(running.wait_for(std::chrono::seconds(2)), std::future_status::ready);
    EXPECT_EQ(count_events("\"event\":\"waiting\""), 1u);
    EXPECT_EQ(count_events("no worker seen yet"), 1u);
}

}  // namespace
}  // namespace dws
