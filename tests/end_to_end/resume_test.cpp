// A trainer that is killed and resumed, as processes: what it learns is what it would have learned
// without dying, bit for bit. Its games are made beforehand, so that nothing but the kills differs.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "base/safetensors.h"
#include "configs/config.h"
#include "experiments/launcher/child_process.h"
#include "sync/chain.h"
#include "tests/support/files.h"
#include "tests/support/random_games.h"
#include "tests/support/scratch_folder.h"
#include "trainer_bridge/checkpoint_folder.h"
#include "trainer_bridge/live_line.h"
#include "trainer_bridge/native_trainer.h"
#include "trainer_bridge/replay.h"

namespace dws {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSteps = 40;
constexpr std::int64_t kFewSteps = 12;  // two threads of a busy machine wait for each other
constexpr std::int64_t kGroupsPerStep = 4;

// One trainer's bucket, folder and life.
class Life {
public:
    Life(const fs::path& place, int threads, std::int64_t steps = kSteps)
        : place_(place), bucket_(open_bucket((place / "bucket").string(), {}, {})) {
        settings_ = {"run.output=" + (place / "out").string(),
                     "bucket.uri=" + (place / "bucket").string(),
                     "trainer.steps=" + std::to_string(steps),
                     "trainer.groups_per_step=" + std::to_string(kGroupsPerStep),
                     "trainer.warm_start.steps=0",
                     "trainer.max_staleness_steps=1000",
                     "trainer.checkpoint_steps=6",
                     "trainer.threads=" + std::to_string(threads)};
    }

    // The worker's games, the same for every life: sampled from anchor 0, as far as they say.
    void put_games(const std::string& worker, std::uint64_t seed, std::int64_t groups) const {
        Random random(seed);
        for (std::int64_t number = 0; number < groups; ++number) {
            GameGroup group = random_group(random, 4);
            group.worker = worker;
            group.number = number;
            group.allowed_tokens.clear();
            for (Game& game : group.games) {
                for (std::size_t at = 1; at < game.tokens.size(); ++at) {
                    game.versions[at] = game.steps[at] = 0;
                    game.logprobs[at] = -4.5f;
                }
                const std::size_t turns = game.turn_rewards.size();
                game.turn_rewards.assign(turns, static_cast<float>(random() % 8) / 8);
                game.reward = game.turn_rewards.front();
            }
            ASSERT_TRUE(
                bucket_->put_if_absent(game_key("tiny", worker, number), encode_group(group)));
        }
    }

    ChildProcess start(const std::vector<std::string>& more = {}) const {
        std::vector<std::string> words{BINARY_ROOT "/trainer_bridge", "--config",
                                       SOURCE_ROOT "/tests/end_to_end/tiny.yaml"};
        for (const std::string& setting : settings_) {
            words.insert(words.end(), {"--set", setting});
        }
        words.insert(words.end(), more.begin(), more.end());
        return ChildProcess(words, place_ / "trainer.log");
    }

    std::vector<Record> records() const {
        std::vector<Record> found;
        ChainReader reader(*bucket_, "tiny");
        for (Result<Record> record = reader.next(); record; record = reader.next())
            found.push_back(std::move(*record));
        return found;
    }
    FoundCheckpoint newest_checkpoint() const {
        return CheckpointFolder(place_ / "out/checkpoints", 2).list().found.at(0);
    }
    std::string printed() const {
        std::ifstream file(place_ / "trainer.log");
        std::stringstream text;
        text << file.rdbuf();
        return text.str();
    }
    Bucket& bucket() const { return *bucket_; }
    Config config() const {
        return load_config(SOURCE_ROOT "/tests/end_to_end/tiny.yaml", settings_);
    }

private:
    const fs::path place_;
    const std::unique_ptr<Bucket> bucket_;
    std::vector<std::string> settings_;
};

// Returns a random moment after the log has got its next one to three records, or when the trainer
// has come to its end: how far it gets must not depend on the machine.
void wait_for_progress(const Life& life, ChildProcess& trainer, std::mt19937_64& random) {
    const std::uint64_t awaited = life.records().size() + random() % 3;
    const auto is_there = [&] {
        return bool(life.bucket().get(log_key("tiny", awaited), {.length = 1}));
    };
    while (!is_there() && !trainer.wait_s(0.001)) {
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 8'000));
}

// Kills it again and again; the last life comes to the run's end.
void live_and_die(const Life& life, std::uint64_t seed, int kills) {
    std::mt19937_64 random(seed);
    for (int kill = 0; kill < kills; ++kill) {
        ChildProcess trainer = life.start({"--resume"});
        wait_for_progress(life, trainer, random);
        trainer.signal(SIGKILL);
        const std::optional<int> status = trainer.wait_s(10);
        ASSERT_TRUE(status == 128 + SIGKILL || status == 0) << life.printed();
    }
    ChildProcess trainer = life.start({"--resume"});
    ASSERT_EQ(trainer.wait_s(120), 0) << life.printed();
}

std::map<std::int64_t, Digest> digests(const std::vector<Record>& records) {
    std::map<std::int64_t, Digest> by_step;
    for (const Record& record : records) {
        if (record.version >= 0) by_step[record.trainer_step] = record.digest;
    }
    return by_step;
}

void expect_no_rollback(const Life& life) {
    for (const Record& record : life.records()) EXPECT_FALSE(record.is_rollback) << life.printed();
}

// Master, moments and words, as the file holds them.
void expect_same_state(const fs::path& one, const fs::path& other) {
    const Bytes one_file = read_file(one), other_file = read_file(other);
    const Result<SafetensorsView> a = SafetensorsView::parse(one_file);
    const Result<SafetensorsView> b = SafetensorsView::parse(other_file);
    ASSERT_TRUE(a && b);
    for (const char* name : {"master", "first_moment", "second_moment", "published"}) {
        ASSERT_TRUE(a->find(name) && b->find(name)) << name;
        EXPECT_TRUE(std::ranges::equal(a->find(name)->data, b->find(name)->data)) << name;
    }
    EXPECT_EQ(a->metadata().at("optimizer_steps"), b->metadata().at("optimizer_steps"));
}

class ResumeProcess : public testing::TestWithParam<int> {};  // threads of the trainer

TEST_P(ResumeProcess, AResumedRunIsBitIdenticalToAnUninterruptedOne) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    const ScratchFolder scratch;
    const std::int64_t steps = GetParam() == 1 ? kSteps : kFewSteps;
    const Life whole(scratch / "whole", GetParam(), steps);
    const Life killed(scratch / "killed", GetParam(), steps);
    for (const Life* life : {&whole, &killed}) {
        life->put_games("a", 7, steps * kGroupsPerStep + 8);
    }
    ChildProcess uninterrupted = whole.start();
    ASSERT_EQ(uninterrupted.wait_s(120), 0) << whole.printed();
    live_and_die(killed, seed, 6);

    expect_no_rollback(killed);
    const std::map<std::int64_t, Digest> expected = digests(whole.records());
    std::size_t compared = 0;
    for (const auto& [step, digest] : digests(killed.records())) {
        if (!expected.contains(step)) continue;
        EXPECT_EQ(digest, expected.at(step)) << "step " << step;
        compared += 1;
    }
    EXPECT_GE(compared, 2u) << "anchor 0 and the last step are in both";
    EXPECT_EQ(killed.newest_checkpoint().label.trainer_step, steps);
    expect_same_state(whole.newest_checkpoint().file, killed.newest_checkpoint().file);
    EXPECT_GE(killed.records().back().epoch, 2u) << killed.printed();
}
INSTANTIATE_TEST_SUITE_P(Threads, ResumeProcess, testing::Values(1, 2));

// Which of two workers' games comes first depends on the moment, so no other run has this order.
// What the log names, learned in one go by a trainer that never died, is the comparison.
TEST(ResumeTwoWorkers, TheLogAloneLeadsToTheSameState) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    const ScratchFolder scratch;
    Life life(scratch / "killed", 1);
    life.put_games("a", 7, kSteps * kGroupsPerStep);
    life.put_games("b", 8, kSteps * kGroupsPerStep);
    live_and_die(life, seed, 6);
    expect_no_rollback(life);

    const std::unique_ptr<NativeTrainer> trainer = make_native_trainer(life.config());
    const ArrayTable table = std::move(*ArrayTable::make(trainer->layout()));
    trainer->begin_reinforcement();
    const std::vector<Record> records = life.records();
    std::vector<const Record*> later;
    std::set<std::string> workers;
    for (const Record& record : records) {
        if (record.sequence > 0) later.push_back(&record);
        for (const GamesConsumed& games : record.games) workers.insert(games.worker);
    }
    EXPECT_EQ(workers.size(), 2u);
    Replay replay(*trainer, table, life.bucket(), "tiny", {});
    const Result<Replayed> replayed = replay.run(later, {});
    ASSERT_TRUE(replayed) << replayed.error().detail;
    EXPECT_EQ(replayed->obstacle, "");
    EXPECT_EQ(replayed->steps, kSteps);
    const FoundCheckpoint last = life.newest_checkpoint();
    const fs::path own = scratch / "own.safetensors";
    ASSERT_TRUE(write_checkpoint(own, last.label, trainer->training_state()));
    expect_same_state(own, last.file);
}

TEST(ResumeVerify, ARunWithARollbackVerifies) {
    const ScratchFolder scratch;
    Life life(scratch / "life", 1);
    life.put_games("a", 7, kSteps * kGroupsPerStep + 60);
    {
        ChildProcess trainer = life.start();
        while (life.records().size() < 9 && !trainer.status()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        trainer.signal(SIGKILL);
        ASSERT_TRUE(trainer.wait_s(10));
    }
    const Record last = life.records().back();
    const std::int64_t newest = last.games.empty() ? 0 : last.games.front().next - 1;
    ASSERT_TRUE(life.bucket().remove(game_key("tiny", "a", newest)));
    ChildProcess trainer = life.start({"--resume"});
    ASSERT_EQ(trainer.wait_s(120), 0) << life.printed();
    const std::vector<Record> records = life.records();
    EXPECT_TRUE(std::ranges::any_of(records, &Record::is_rollback)) << life.printed();
    ChildProcess verify({BINARY_ROOT "/dws", "verify", "--bucket",
                         (scratch / "life/bucket").string(), "--run", "tiny"},
                        scratch / "verify.log");
    EXPECT_EQ(verify.wait_s(60), 0) << text_of(read_file(scratch / "verify.log"));
}

}  // namespace
}  // namespace dws
