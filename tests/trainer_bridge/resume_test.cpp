// What a trainer that died leaves, and how the next one goes on.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <stdexcept>
#include <thread>

#include "tests/support/files.h"
#include "tests/trainer_bridge/run_fixture.h"

namespace dws {
namespace {

namespace fs = std::filesystem;

struct Resume : TrainerRun {
    Resume() {
        config.trainer.max_staleness_steps = 100;
        config.trainer.checkpoint_steps = 1'000;  // beside the first, none
    }

    // A first life that ends after `steps` steps, all of them committed.
    void live_until(std::int64_t steps) {
        config.trainer.steps = 1'000;
        end_after(trainer, steps);
    }
    void end_after(FakeTrainer& other, std::int64_t steps, Start start = Start::anew) {
        stop = std::stop_source();
        other.after_step = [this, steps](std::int64_t step) {
            if (step == steps) stop.request_stop();
        };
        run_with(other, start);
        stop = std::stop_source();
        other.after_step = {};
    }
    // A life that goes on until the run is complete.
    void complete(FakeTrainer& other, std::int64_t steps, Start start = Start::resumed) {
        config.trainer.steps = steps;
        run_with(other, start);
    }
    void put_many(const std::string& worker, int groups) {
        for (int group = 0; group < groups; ++group) put_good(worker);
    }

    std::vector<fs::path> checkpoints() const {
        std::vector<fs::path> files;
        for (const auto& entry : fs::directory_iterator(folder())) files.push_back(entry.path());
        std::ranges::sort(files);
        return files;
    }
    fs::path folder() const { return fs::path(config.run.output) / "checkpoints"; }
    std::string failure_of(FakeTrainer& other, Start start) {
        try {
            run_with(other, start);
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "none";
    }
    void forget_bucket() {
        fs::remove_all(scratch / "bucket");
        bucket = open_bucket((scratch / "bucket").string(), {}, {});
        next_number.clear();
    }
    void expect_each_decided_once() {
        for (const auto& [group, times] : decisions()) EXPECT_EQ(times, 1) << group;
    }
    const Record* find_rollback(const std::vector<Record>& log) const {
        const auto found = std::ranges::find(log, true, &Record::is_rollback);
        return found == log.end() ? nullptr : &*found;
    }
    static Bytes words(const FakeTrainer& other) {
        return {other.published_words().begin(), other.published_words().end()};
    }
};

TEST_F(Resume, TheLogTellsTheOrderOfEveryStep) {
    put_many("a", 3);
    put_many("b", 3);
    run();
    std::vector<std::string> told;
    std::int64_t steps = 0;
    for (const Record& record : records()) {
        steps += static_cast<std::int64_t>(record.steps.size());
        for (const TrainedStep& step : record.steps) {
            for (const TrainedRun& of : step) {
                for (std::int64_t number = of.first; number < of.first + of.count; ++number) {
                    told.push_back(fmt::format("{}/{}", record.games[of.worker].worker, number));
                }
            }
        }
    }
    EXPECT_EQ(told, trainer.learned);
    EXPECT_EQ(steps, 2);
}

TEST_F(Resume, RepeatsTheStepsSinceTheCheckpointAndGoesOn) {
    put_many("a", 7);
    put_many("b", 7);
    live_until(4);
    const std::vector<std::string> before = trainer.learned;
    const std::size_t records_before = records().size();
    FakeTrainer resumed;
    complete(resumed, 6);
    ASSERT_EQ(before.size(), 8u);
    ASSERT_EQ(resumed.learned.size(), 12u);
    EXPECT_TRUE(std::equal(before.begin(), before.end(), resumed.learned.begin()));
    EXPECT_EQ(count_events("\"how\":\"replay\""), 1u) << events();
    expect_each_decided_once();
    const std::vector<Record> log = records();
    EXPECT_EQ(log[records_before].kind, RecordKind::epoch);
    EXPECT_EQ(find_rollback(log), nullptr);
    EXPECT_EQ(log.back().trainer_step, 6);
    EXPECT_FALSE(resumed.has_begun);
}

TEST_F(Resume, StartsFromTheNewestCheckpoint) {
    config.trainer.checkpoint_steps = 2;
    config.trainer.checkpoints_kept = 2;
    put_many("a", 20);
    live_until(7);
    EXPECT_EQ(checkpoints().size(), 2u);
    FakeTrainer resumed;
    complete(resumed, 8);
    EXPECT_LE(resumed.learned.size(), 2u * (3 + 1)) << "at most 3 steps since the checkpoint";
    EXPECT_EQ(resumed.step_number(), 8);
    EXPECT_EQ(count_events("\"how\":\"replay\""), 1u);
    EXPECT_GE(count_events("\"perf/checkpoint_s\":"), 8u);
    expect_each_decided_once();
}

TEST_F(Resume, WhatCannotBeRepeatedIsRolledBack) {
    put_many("a", 30);
    live_until(4);
    ASSERT_TRUE(bucket->remove(game_key("test", "a", 3)));
    // Sampled from version 1, which is abandoned now, and from a step that is not there any more.
    GameGroup late = small_group({{1}, {0}}, 1);
    for (Game& game : late.games) {
        std::ranges::replace(game.steps, std::int64_t{1}, std::int64_t{4});
    }
    put("b", late);
    FakeTrainer resumed;
    complete(resumed, 6);
    const std::vector<Record> log = records();
    const Record* back = find_rollback(log);
    ASSERT_NE(back, nullptr);
    EXPECT_EQ(back->trainer_step, 0);
    EXPECT_EQ(back->digest, log.front().digest) << "the checkpoint's words: those of anchor 0";
    EXPECT_EQ(count_events("games/a/00000003.safetensors is gone"), 1u) << events();
    EXPECT_EQ(log.back().trainer_step, 6);
    EXPECT_EQ(std::ranges::count(resumed.learned, "a/4"), 0) << "what was decided stays decided";
    expect_each_decided_once();
    std::vector<std::int64_t> stale;
    for (const Record& record : log) {
        for (const GamesConsumed& games : record.games) {
            EXPECT_TRUE(games.refused.empty());
            if (games.worker == "b")
                stale.insert(stale.end(), games.stale.begin(), games.stale.end());
        }
    }
    EXPECT_EQ(stale, std::vector<std::int64_t>{0});
}

TEST_F(Resume, OtherResultsAreRolledBack) {
    put_many("a", 30);
    live_until(3);
    FakeTrainer other;
    other.salt = 100;
    complete(other, 5);
    const std::vector<Record> log = records();
    ASSERT_NE(find_rollback(log), nullptr);
    EXPECT_EQ(count_events("when it is repeated"), 1u) << events();
    EXPECT_EQ(log.back().trainer_step, 5);
    expect_each_decided_once();
}

TEST_F(Resume, GoesThroughARollbackThatIsInTheLog) {
    put_many("a", 40);
    live_until(4);
    ASSERT_TRUE(bucket->remove(game_key("test", "a", 3)));
    FakeTrainer second;
    config.trainer.steps = 1'000;
    end_after(second, 2, Start::resumed);
    ASSERT_NE(find_rollback(records()), nullptr);
    FakeTrainer third;
    complete(third, 3);
    const std::vector<Record> log = records();
    EXPECT_EQ(std::ranges::count(log, true, &Record::is_rollback), 1);
    EXPECT_EQ(count_events("\"how\":\"replay\""), 1u) << events();
    ASSERT_EQ(third.learned.size(), 6u) << "two steps repeated, one new";
    EXPECT_EQ(third.learned.front(), "a/8");
    EXPECT_EQ(log.back().trainer_step, 3);
    expect_each_decided_once();
}

TEST_F(Resume, ADamagedCheckpointIsPassedOver) {
    config.trainer.checkpoint_steps = 2;
    put_many("a", 30);
    live_until(7);
    const std::vector<fs::path> files = checkpoints();
    ASSERT_EQ(files.size(), 2u);
    Bytes damaged = read_file(files.back());
    damaged[damaged.size() / 2] ^= std::byte{4};
    write_file(files.back(), damaged);
    FakeTrainer resumed;
    complete(resumed, 8);
    EXPECT_EQ(count_events("\"event\":\"checkpoint_passed_over\""), 1u) << events();
    EXPECT_EQ(count_events("\"how\":\"replay\""), 1u);
    EXPECT_EQ(find_rollback(records()), nullptr);
    EXPECT_EQ(resumed.step_number(), 8);
}

TEST_F(Resume, ACheckpointOfAnotherLifeIsPassedOver) {
    put_many("a", 30);
    live_until(4);
    const ScratchFolder other_place;
    {
        Config other_config = config;
        other_config.run.output = (other_place / "out").string();
        other_config.bucket.uri = (other_place / "bucket").string();
        const auto other_bucket = open_bucket(other_config.bucket.uri, {}, {});
        for (int number = 0; number < 8; ++number) {
            GameGroup group = small_group({{1}, {0}}, 0);
            group.worker = "a";
            group.number = number;
            ASSERT_TRUE(
                other_bucket->put_if_absent(game_key("test", "a", number), encode_group(group)));
        }
        other_config.trainer.steps = 3;
        FakeTrainer other;
        other.salt = 7;
        EventLog log("trainer_bridge", other_place / "events.jsonl");
        run_trainer(other, *other_bucket, other_config, Start::anew, log, {});
    }
    for (const auto& entry : fs::directory_iterator(other_place / "out/checkpoints")) {
        fs::copy_file(entry.path(), folder() / entry.path().filename(),
                      fs::copy_options::skip_existing);
    }
    FakeTrainer resumed;
    complete(resumed, 5);
    EXPECT_GE(count_events("is of no record in the log"), 1u) << events();
    EXPECT_EQ(find_rollback(records()), nullptr);
    EXPECT_EQ(resumed.step_number(), 5);
}

TEST_F(Resume, WithoutACheckpointNothingIsWritten) {
    put_many("a", 10);
    live_until(2);
    fs::remove_all(folder());
    const std::size_t before = records().size();
    FakeTrainer resumed;
    const std::string failure = failure_of(resumed, Start::resumed);
    EXPECT_NE(failure.find(folder().string()), std::string::npos) << failure;
    EXPECT_NE(failure.find("--take-over"), std::string::npos) << failure;
    EXPECT_EQ(records().size(), before);
}

TEST_F(Resume, ATakeOverWithoutACheckpointGoesOnFromTheWords) {
    put_many("a", 20);
    live_until(3);
    const Bytes held = words(trainer);
    config.run.output = (scratch / "another machine").string();
    FakeTrainer other;
    complete(other, 4, Start::taken_over);
    EXPECT_EQ(count_events("\"how\":\"words\""), 1u) << events();
    EXPECT_EQ(other.learned.size(), 2u);
    EXPECT_EQ(other.learned.front(), "a/6");
    EXPECT_EQ(other.step_number(), 4);
    EXPECT_EQ(records().back().epoch, 2u);
    expect_each_decided_once();
    EXPECT_EQ(words(other).size(), held.size());
    EXPECT_EQ(checkpoints().size(), 2u)
        << "of its first state, which no other file holds; the last";
}

TEST_F(Resume, ATakeOverWithACheckpointIsExact) {
    put_many("a", 20);
    live_until(3);
    FakeTrainer other;
    complete(other, 4, Start::taken_over);
    EXPECT_EQ(count_events("\"how\":\"replay\""), 1u);
    EXPECT_EQ(other.learned.size(), 8u);
}

// Killed between the first checkpoint and anchor 0: nobody has seen a version.
TEST_F(Resume, WithoutALogItStartsAnew) {
    put_many("a", 10);
    live_until(1);
    forget_bucket();
    put_many("a", 10);
    ASSERT_FALSE(checkpoints().empty());
    FakeTrainer resumed;
    complete(resumed, 2);
    EXPECT_TRUE(resumed.has_begun);
    EXPECT_EQ(count_events("\"how\":\"anew\""), 1u);
    EXPECT_EQ(records().front().kind, RecordKind::anchor);
    EXPECT_EQ(records().back().kind, RecordKind::end);
}

// A wrong address, or a bucket that was restored from an old copy.
TEST_F(Resume, ALogThatEndsBeforeACheckpointIsNotForked) {
    put_many("a", 20);
    config.trainer.checkpoint_steps = 1;
    live_until(4);
    forget_bucket();
    FakeTrainer resumed;
    EXPECT_NE(failure_of(resumed, Start::resumed).find("has lost records"), std::string::npos);
    EXPECT_TRUE(records().empty()) << "nothing is written";
}

TEST_F(Resume, MoreStepsThanAllowedAreNotAbandoned) {
    put_many("a", 30);
    live_until(4);
    const std::size_t before = records().size();
    config.trainer.rollback_max_steps = 3;
    FakeTrainer other;
    other.salt = 100;
    config.trainer.steps = 6;
    EXPECT_NE(failure_of(other, Start::resumed).find("rollback_max_steps is 3"), std::string::npos);
    EXPECT_EQ(find_rollback(records()), nullptr);
    EXPECT_EQ(records().size(), before + 1) << "a new epoch";
    FakeTrainer third;
    third.salt = 100;
    complete(third, 6, Start::taken_over);
    EXPECT_EQ(find_rollback(records()), nullptr);
    EXPECT_EQ(count_events("\"how\":\"words\""), 1u) << events();
    expect_each_decided_once();
}

TEST_F(Resume, ACompleteRunIsLeftAlone) {
    put_many("a", 10);
    run();
    const std::size_t before = records().size();
    for (const Start start : {Start::resumed, Start::taken_over}) {
        FakeTrainer resumed;
        run_with(resumed, start);
        EXPECT_TRUE(resumed.learned.empty());
    }
    EXPECT_EQ(records().size(), before);
}

TEST_F(Resume, AFullDiskIsSaidAndTheRunGoesOn) {
    put_many("a", 10);
    std::ofstream(scratch / "in_the_way") << "a file";
    config.trainer.checkpoint_folder = (scratch / "in_the_way").string();
    run();
    EXPECT_GE(count_events("\"where\":\"checkpoint\""), 1u);
    EXPECT_EQ(records().back().kind, RecordKind::end);
}

TEST_F(Resume, CheckpointsMayBeOff) {
    put_many("a", 10);
    config.trainer.checkpoint_steps = 0;
    run();
    EXPECT_FALSE(fs::exists(folder()));
}

TEST_F(Resume, ASettingThatChangedIsNamed) {
    put_many("a", 10);
    live_until(2);
    config.trainer.beta1 = 0.8;
    FakeTrainer resumed;
    complete(resumed, 3);
    EXPECT_EQ(count_events("trainer.beta1 was 0.9 and is 0.8"), 1u) << events();
}

// The old writer is alive but asleep; when it wakes up the run is somebody else's.
TEST_F(Resume, AWriterThatWakesUpAfterATakeOverStops) {
    put_many("a", 20);
    config.trainer.steps = 1'000;
    std::promise<void> asleep, awake;
    trainer.after_step = [&](std::int64_t step) {
        if (step != 2) return;
        asleep.set_value();
        awake.get_future().wait();
    };
    const Config old_config = config;
    auto old_life = std::async(std::launch::async, [&]() -> std::string {
        EventLog log("trainer_bridge", scratch / "old_events.jsonl");
        try {
            run_trainer(trainer, *bucket, old_config, Start::anew, log, {});
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "none";
    });
    asleep.get_future().wait();
    config.run.output = (scratch / "another machine").string();
    FakeTrainer other;
    complete(other, 5, Start::taken_over);
    const std::vector<Record> log = records();
    awake.set_value();
    const std::string failure = old_life.get();
    EXPECT_NE(failure.find("epoch 2"), std::string::npos) << failure;
    EXPECT_NE(failure.find(log.back().writer), std::string::npos) << failure;
    EXPECT_EQ(records().size(), log.size()) << "it has written nothing";
    expect_each_decided_once();
}

}  // namespace
}  // namespace dws
