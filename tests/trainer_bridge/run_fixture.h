// A run with a fake trainer over a folder; the test plays the workers.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sync/chain.h"
#include "sync/games/game_group.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer_bridge/fake_trainer.h"
#include "tests/trainer_bridge/small_groups.h"
#include "trainer_bridge/trainer_run.h"

namespace dws {

struct TrainerRun : ::testing::Test {
    ScratchFolder scratch;
    std::unique_ptr<Bucket> bucket = open_bucket((scratch / "bucket").string(), {}, {});
    Config config;
    FakeTrainer trainer;
    std::stop_source stop;
    std::map<std::string, std::int64_t> next_number;

    TrainerRun() {
        config.run.name = "test";
        config.bucket.uri = (scratch / "bucket").string();
        config.run.output = (scratch / "out").string();
        config.doorbell.poll_ms = 20;
        config.trainer.steps = 2;
        config.trainer.groups_per_step = 2;
        config.trainer.max_staleness_steps = 1;
    }

    void put(const std::string& worker, GameGroup group) {
        group.worker = worker;
        group.number = next_number[worker]++;
        const Result<PutOutcome> outcome =
            bucket->put_if_absent(game_key("test", worker, group.number), encode_group(group));
        ASSERT_TRUE(outcome);
    }
    void put_bytes(const std::string& worker, std::string_view bytes) {
        const std::int64_t number = next_number[worker]++;
        ASSERT_TRUE(bucket->put_if_absent(game_key("test", worker, number), bytes_of(bytes)));
    }
    void put_good(const std::string& worker, std::int64_t step = 0) {
        put(worker, small_group({{1}, {0}}, step));
    }
    void put_demonstration(const std::string& worker) {
        GameGroup group = small_group({{1}, {1}}, kNoVersion);
        group.is_demonstration = true;
        put(worker, group);
    }

    void run(Start start = Start::anew) { run_with(trainer, start); }
    void run_with(FakeTrainer& other, Start start) {
        EventLog log("trainer_bridge", scratch / "events.jsonl");
        run_trainer(other, *bucket, config, start, log, stop.get_token());
    }

    std::vector<Record> records() {
        std::vector<Record> records;
        ChainReader reader(*bucket, "test");
        while (true) {
            Result<Record> record = reader.next();
            if (!record) {
                EXPECT_EQ(record.error().fault, Fault::missing) << record.error().detail;
                return records;
            }
            records.push_back(std::move(*record));
        }
    }

    // How many records decide each group; "worker/number".
    std::map<std::string, int> decisions() {
        std::map<std::string, int> times;
        for (const Record& record : records()) {
            for (const GamesConsumed& games : record.games) {
                for (std::int64_t number = games.first; number < games.next; ++number) {
                    times[fmt::format("{}/{}", games.worker, number)] += 1;
                }
            }
        }
        return times;
    }

    std::string events() {
        std::ifstream file(scratch / "events.jsonl");
        return {std::istreambuf_iterator<char>(file), {}};
    }
    std::size_t count_events(const std::string& text) {
        const std::string all = events();
        std::size_t found = 0;
        for (std::size_t at = all.find(text); at != std::string::npos;
             at = all.find(text, at + 1)) {
            found += 1;
        }
        return found;
    }
};

}  // namespace dws
