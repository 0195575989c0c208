// The whole worker between a bucket in memory, a publisher that plays the trainer, and the real
// environment.
#include "rollout_worker/worker.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <future>
#include <sstream>
#include <stdexcept>

#include "base/clock.h"
#include "rollout_worker/evaluation.h"
#include "sync/publisher.h"
#include "tests/rollout_worker/fixture.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

constexpr const char* kId = "0123456789abcdef";

bool happens_within(double seconds, const std::function<bool()>& what) {
    const Stopwatch stopwatch;
    while (!what()) {
        if (stopwatch.seconds() > seconds) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

// Publishes versions of random weights.
class FakeTrainer {
public:
    FakeTrainer(Bucket& bucket, const ModelConfig& model)
        : model_(model), table_(*ArrayTable::make(weight_layout(model))), bucket_(bucket) {}

    void publish_anchor(std::vector<GamesConsumed> games = {}) {
        PublisherOptions options;
        options.run = "run";
        auto started = Publisher::start_new(bucket_, table_, options, {});
        ASSERT_TRUE(started) << started.error().detail;
        publisher_ = std::move(*started);
        ASSERT_TRUE(publisher_->publish_anchor(bytes(), 0, std::move(games)));
    }
    void publish_step(std::vector<GamesConsumed> games = {}) {
        const std::vector<Bf16> before = words_;
        step_ += 1;
        for (std::size_t i = static_cast<std::size_t>(step_); i < 4000; i += 7) words_[i] ^= 1;
        Pending pending;
        pending.changes = diff(table_, std::as_bytes(std::span(before)), bytes());
        pending.games = std::move(games);
        pending.trainer_step = step_;
        pending.steps = 1;
        ASSERT_TRUE(publisher_->hand_over(std::move(pending)));
        ASSERT_TRUE(publisher_->flush({}));
    }
    void finish() { ASSERT_TRUE(publisher_->finish({})); }
    std::string digest() const { return sum(digest_tiles(table_, bytes())).hex(); }

private:
    std::span<const std::byte> bytes() const { return std::as_bytes(std::span(words_)); }

    const ModelConfig model_;
    const ArrayTable table_;
    Bucket& bucket_;
    std::vector<Bf16> words_ = random_model_words(model_, 1);
    std::int64_t step_ = 0;
    std::unique_ptr<Publisher> publisher_;
};

// A worker on a thread of its own; stopped at the latest when the test is over.
class RunningWorker {
public:
    RunningWorker(std::stop_source stop, std::function<int(std::stop_token)> run)
        : stop_(stop), status_(std::async(std::launch::async, std::move(run), stop.get_token())) {}
    ~RunningWorker() { stop_.request_stop(); }
    RunningWorker(const RunningWorker&) = delete;
    RunningWorker& operator=(const RunningWorker&) = delete;
    int get() { return status_.get(); }

private:
    std::stop_source stop_;
    std::future<int> status_;  // last member: waits for the thread
};

struct WorkerTest : ::testing::Test {
    RunningEnv env;
    FaultyBucket bucket;
    ScratchFolder scratch;
    Config config;
    std::stop_source stop;

    WorkerTest() {
        config.run.name = "run";
        config.model.config = SOURCE_ROOT "/experiments/01_wordle_tiny/model/config.json";
        config.env.endpoint = env.endpoint();
        config.env.words = (scratch / "words.txt").string();
        config.doorbell.poll_ms = 20;
        config.worker.slots = 8;
        config.worker.group_size = 4;
        config.worker.groups_ahead_max = 3;
        config.evaluation.games = 12;
        std::ofstream words(config.env.words);
        for (const std::string& word : garden_words()) words << word << '\n';
    }
    ModelConfig model() const { return load_model_config(config.model.config); }
    std::filesystem::path event_file() const { return scratch / "events.jsonl"; }
    std::string events() const {
        std::ostringstream text;
        text << std::ifstream(event_file()).rdbuf();
        return text.str();
    }
    bool has_event(const std::string& part) const {
        return events().find(part) != std::string::npos;
    }
    RunningWorker start() {
        return RunningWorker(stop, [this](std::stop_token token) {
            EventLog log("rollout_worker", event_file());
            return Worker(config, worker_trust(config), bucket, log, kId, kId).run(token);
        });
    }
    std::vector<GameGroup> groups() {
        std::vector<GameGroup> groups;
        for (const auto& [key, object] : bucket.objects()) {
            if (!key.starts_with("run/games/")) continue;
            Result<GameGroup> group = decode_group(object);
            EXPECT_TRUE(group) << key;
            if (group) groups.push_back(std::move(*group));
        }
        return groups;
    }
    bool has_groups(std::size_t wanted) {
        return happens_within(30, [&] { return groups().size() >= wanted; });
    }
};

TEST_F(WorkerTest, PlaysWithEveryVersionUntilTheLogEnds) {
    FakeTrainer trainer(bucket, model());
    trainer.publish_anchor();
    RunningWorker worker = start();
    ASSERT_TRUE(has_groups(3));
    trainer.publish_step({{kId, 0, 3, {}, {}, {}}});
    ASSERT_TRUE(has_groups(6));
    trainer.publish_step({{kId, 3, 6, {}, {}, {}}});
    ASSERT_TRUE(has_groups(9));
    trainer.finish();
    EXPECT_EQ(worker.get(), 0);

    const std::vector<GameGroup> played = groups();
    for (std::size_t i = 0; i < played.size(); ++i) {
        EXPECT_EQ(played[i].worker, kId);
        EXPECT_EQ(played[i].number, static_cast<std::int64_t>(i));
        EXPECT_FALSE(played[i].is_demonstration);
        for (const Game& game : played[i].games) {
            EXPECT_EQ(game.versions[1], game.steps[1]);  // here every step is a version
            EXPECT_LE(game.versions[1], 2);
            EXPECT_GE(game.versions[1], 0);
        }
    }
    EXPECT_EQ(played.back().games.back().versions[1], 2);
    EXPECT_NE(played[0].seed, played[1].seed);
    EXPECT_TRUE(has_event("\"event\":\"end\""));
    EXPECT_TRUE(has_event("\"digest\":\"" + trainer.digest() + "\"")) << events();
    EXPECT_TRUE(has_event("\"digests_checked\":3"));
    EXPECT_TRUE(has_event("\"digests_failed\":0"));
    EXPECT_TRUE(has_event("\"kind\":\"anchor\""));
    EXPECT_TRUE(has_event("\"kind\":\"delta\""));
}

TEST_F(WorkerTest, PausesAtItsLimitOfUndecidedGroups) {
    FakeTrainer trainer(bucket, model());
    trainer.publish_anchor();
    RunningWorker worker = start();
    ASSERT_TRUE(happens_within(30, [&] { return has_event("too_many_undecided"); }));
    EXPECT_EQ(groups().size(), 3u);
    trainer.publish_step({{kId, 0, 1, {}, {}, {}}});
    ASSERT_TRUE(has_groups(4));
    EXPECT_TRUE(happens_within(30, [&] { return has_event("\"event\":\"resumed\""); }));
    stop.request_stop();
    EXPECT_EQ(worker.get(), 0);
    EXPECT_EQ(groups().size(), 4u);
}

TEST_F(WorkerTest, DemonstratesUntilThereIsAnAnchor) {
    config.trainer.warm_start.steps = 2;
    config.trainer.warm_start.games_per_step = 64;
    FakeTrainer trainer(bucket, model());
    RunningWorker worker = start();
    ASSERT_TRUE(has_groups(5));
    ASSERT_TRUE(happens_within(30, [&] { return has_event("waiting"); }));
    EXPECT_EQ(groups().size(), 5u) << "two that the warm start reads and three ahead";
    trainer.publish_anchor({{kId, 0, 2, {}, {}, {}}});
    ASSERT_TRUE(has_groups(8)) << "undecided demonstrations hold nothing up";
    stop.request_stop();
    EXPECT_EQ(worker.get(), 0);
    const std::vector<GameGroup> played = groups();
    for (std::size_t i = 0; i < played.size(); ++i) {
        EXPECT_EQ(played[i].is_demonstration, i < 5) << i;
        EXPECT_EQ(played[i].games.size(), i < 5 ? 64u : 4u);
    }
}

TEST_F(WorkerTest, AWorkerThatComesLaterDemonstratesNothing) {
    config.trainer.warm_start.steps = 2;
    FakeTrainer trainer(bucket, model());
    trainer.publish_anchor();
    RunningWorker worker = start();
    ASSERT_TRUE(has_groups(3));
    stop.request_stop();
    EXPECT_EQ(worker.get(), 0);
    for (const GameGroup& group : groups()) EXPECT_FALSE(group.is_demonstration);
}

TEST_F(WorkerTest, StopsPromptlyWhileItWaitsForAnAnchor) {
    RunningWorker worker = start();
    ASSERT_TRUE(happens_within(30, [&] { return has_event("anchor 0 of run run"); }));
    const Stopwatch stopping;
    stop.request_stop();
    EXPECT_EQ(worker.get(), 0);
    EXPECT_LT(stopping.seconds(), 2);
}

TEST_F(WorkerTest, StopsPromptlyWhenNeitherEnvironmentNorBucketAnswers) {
    config.env.endpoint = MessageSocket::bind(SocketKind::router, "tcp://127.0.0.1:*").endpoint();
    FakeTrainer trainer(bucket, model());
    trainer.publish_anchor();
    RunningWorker worker = start();
    ASSERT_TRUE(happens_within(30, [&] { return has_event("the environment at tcp"); }));
    bucket.set_unreachable(true);
    const Stopwatch stopping;
    stop.request_stop();
    EXPECT_EQ(worker.get(), 0);
    EXPECT_LT(stopping.seconds(), 2);
}

TEST_F(WorkerTest, ALogThatCannotBeTrustedEndsTheWorker) {
    FakeTrainer trainer(bucket, model());
    trainer.publish_anchor();
    RunningWorker worker = start();
    ASSERT_TRUE(has_groups(1));
    const Bytes repeated = bucket.objects().at(log_key("run", 0));
    ASSERT_TRUE(bucket.put_if_absent(log_key("run", 1), repeated));
    EXPECT_THROW(worker.get(), std::runtime_error);
}

TEST_F(WorkerTest, AModelWithFewerTokensThanTheGameIsRefused) {
    const std::string file = (scratch / "config.json").string();
    std::ofstream(file) << R"({"vocab_size":64,"hidden_size":64,"num_hidden_layers":1,)"
                        << R"("num_attention_heads":4,"num_key_value_heads":2,"head_dim":16,)"
                        << R"("intermediate_size":64,"rms_norm_eps":1e-6,"rope_theta":10000,)"
                        << R"("tie_word_embeddings":true})";
    config.model.config = file;
    EventLog log("rollout_worker", event_file());
    EXPECT_THROW(Worker(config, worker_trust(config), bucket, log, kId, kId), std::runtime_error);
}

TEST_F(WorkerTest, AnEvaluationIsRepeatableAndSendsNothing) {
    FakeTrainer trainer(bucket, model());
    trainer.publish_anchor();
    trainer.publish_step();
    trainer.publish_step();
    EventLog log("rollout_worker", event_file());
    EXPECT_EQ(evaluate(config, worker_trust(config), bucket, log, "latest", stop.get_token()), 0);
    EXPECT_EQ(evaluate(config, worker_trust(config), bucket, log, "1", stop.get_token()), 0);
    EXPECT_EQ(evaluate(config, worker_trust(config), bucket, log, "2", stop.get_token()), 0);
    EXPECT_TRUE(groups().empty());

    std::vector<std::string> lines;
    std::istringstream text(events());
    for (std::string line; std::getline(text, line);) {
        const std::size_t facts = line.find("\"version\"");
        if (line.find("\"evaluation\"") == std::string::npos) continue;
        lines.push_back(line.substr(facts, line.find("\"seconds\"") - facts));
    }
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_TRUE(lines[0].starts_with("\"version\":2,")) << lines[0];
    EXPECT_TRUE(lines[1].starts_with("\"version\":1,")) << lines[1];
    EXPECT_EQ(lines[0], lines[2]);
}

TEST_F(WorkerTest, AnEvaluationOfWhatIsNotThereIsRefused) {
    EventLog log("rollout_worker", event_file());
    EXPECT_THROW(evaluate(config, worker_trust(config), bucket, log, "latest", {}),
                 std::runtime_error);
    EXPECT_THROW(evaluate(config, worker_trust(config), bucket, log, "7x", {}), std::runtime_error);
    EXPECT_THROW(evaluate(config, worker_trust(config), bucket, log, "-1", {}), std::runtime_error);
    FakeTrainer trainer(bucket, model());
    trainer.publish_anchor();
    trainer.finish();
    EXPECT_THROW(evaluate(config, worker_trust(config), bucket, log, "5", {}), std::runtime_error);
}

}  // namespace
}  // namespace dws
