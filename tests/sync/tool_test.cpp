// The `dws` command, as a user calls it.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "tests/support/scratch_folder.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

struct Answer {
    int status = -1;
    std::string text;  // of both streams

    std::string last_line() const {
        const std::string body = text.substr(0, text.find_last_not_of('\n') + 1);
        return body.substr(body.find_last_of('\n') + 1);
    }
};

Answer call_shell(const std::string& command) {
    Answer answer;
    std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) return answer;
    char part[4096];
    while (const std::size_t bytes = std::fread(part, 1, sizeof(part), pipe))
        answer.text.append(part, bytes);
    const int status = pclose(pipe);
    answer.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return answer;
}

Answer call(const std::string& arguments) {
    return call_shell(std::string(BINARY_ROOT) + "/dws " + arguments);
}

// A complete run of three versions in a folder.
class Tool : public testing::Test {
protected:
    void SetUp() override {
        trainer_.options.file_bytes = 100'000;  // the anchor has several files
        ASSERT_TRUE(trainer_.start_with_anchor());
        ASSERT_TRUE(trainer_.publish_version(100));
        Pending step = trainer_.next_step(100);
        step.games = {{"worker", 0, 3, {1}, {}, {}}};
        ASSERT_TRUE(trainer_.publisher->hand_over(std::move(step)));
        ASSERT_TRUE(trainer_.publisher->finish({}));
    }
    std::string path() const { return (folder_ / "bucket").string(); }
    std::string where() const { return " --bucket " + path() + " --run run"; }

    const ArrayTable table_ = small_table();
    const ScratchFolder folder_;
    const std::unique_ptr<Bucket> bucket_ = open_bucket(path(), {}, {});
    TestTrainer trainer_{*bucket_, table_, 1};
};

TEST_F(Tool, VerifyRebuildsEveryVersion) {
    for (const std::string threads : {"", " --threads 1", " --threads 5"}) {
        const Answer answer = call("verify" + threads + where());
        EXPECT_EQ(answer.status, 0) << answer.text;
        EXPECT_EQ(answer.last_line(), "ok: 4 records, 3 versions, digest " +
                                          sum(digest_tiles(table_, trainer_.words())).hex());
    }
    EXPECT_NE(call("verify --threads 0" + where()).status, 0);
}

// Files hold the widest arrays first; the table's order is another.
TEST(ToolVerify, KnowsTheTableOfArraysOfSeveralWidths) {
    const ArrayTable table = make_table({{"a.half", DType::kBF16, {100}},
                                         {"b.byte", DType::kU8, {7}},
                                         {"c.full", DType::kF32, {50, 3}},
                                         {"d.half", DType::kBF16, {40'000}}});
    for (const std::size_t file_bytes : {std::size_t{1} << 20, std::size_t{300}}) {
        const ScratchFolder folder;
        const std::string path = (folder / "bucket").string();
        const std::unique_ptr<Bucket> bucket = open_bucket(path, {}, {});
        TestTrainer trainer(*bucket, table, 2);
        trainer.options.file_bytes = file_bytes;
        ASSERT_TRUE(trainer.start_with_anchor());
        ASSERT_TRUE(trainer.publish_version(100));
        const Answer answer = call("verify --bucket " + path + " --run run");
        EXPECT_EQ(answer.status, 0) << answer.text;
        EXPECT_EQ(answer.last_line(), "ok: 2 records, 2 versions, digest " +
                                          sum(digest_tiles(table, trainer.words())).hex());
    }
}

TEST_F(Tool, VerifyNamesTheFirstProblem) {
    const std::string key = trainer_.object_key(1);
    Result<Bytes> object = bucket_->get(key, {.offset = 0, .length = 1 << 20});
    ASSERT_TRUE(object);
    object->back() ^= std::byte{1};
    ASSERT_TRUE(bucket_->put(key, *object));
    const Answer answer = call("verify" + where());
    EXPECT_EQ(answer.status, 1);
    EXPECT_NE(answer.last_line().find("problem at record 1: corrupt: objects/delta-000001"),
              std::string::npos)
        << answer.text;
    EXPECT_NE(answer.last_line().find("; fetch it again"), std::string::npos) << answer.text;
    const Answer json = call("verify --json" + where());
    EXPECT_EQ(json.status, 1);
    EXPECT_NE(json.text.find("{\"ok\":false"), std::string::npos) << json.text;
}

TEST_F(Tool, VerifyFindsAMissingObject) {
    ASSERT_TRUE(bucket_->remove(trainer_.object_key(2)));
    const Answer answer = call("verify" + where());
    EXPECT_EQ(answer.status, 1);
    EXPECT_NE(answer.text.find("problem at record 2: missing"), std::string::npos) << answer.text;
}

TEST_F(Tool, VerifyFindsARecordThatIsGoneFromTheMiddle) {
    ASSERT_TRUE(bucket_->remove(log_key("run", 1)));
    const Answer answer = call("verify" + where());
    EXPECT_EQ(answer.status, 1);
    EXPECT_NE(answer.text.find("record 1 is gone from the log: record 3 is there"),
              std::string::npos)
        << answer.text;
}

TEST_F(Tool, AFailureIsJsonForWhoAsksForJson) {
    const std::string none = " --bucket " + (folder_ / "none").string() + " --run run";
    const std::string other = " --bucket " + path() + " --run other";
    const std::string config = " --config " + path() + "/none.yaml";
    for (const std::string verb : {"log", "verify", "compact", "gc", "pull out"}) {
        for (const std::string& why : {none, other, config, std::string(), std::string(" --odd")}) {
            const std::string command = verb + " --json" + why;
            const Answer answer =
                call_shell("(" + std::string(BINARY_ROOT) + "/dws " + command + " 2>/dev/null)");
            EXPECT_NE(answer.status, 0) << command;
            EXPECT_EQ(answer.text.rfind("{\"ok\":false,", 0), 0u) << command << answer.text;
            EXPECT_NE(answer.text.find("\"problem\":\""), std::string::npos) << answer.text;
            EXPECT_EQ(std::count(answer.text.begin(), answer.text.end(), '\n'), 1) << answer.text;
        }
    }
}

TEST_F(Tool, LogPrintsOneLinePerRecord) {
    const Answer answer = call("log" + where());
    EXPECT_EQ(answer.status, 0);
    EXPECT_EQ(std::count(answer.text.begin(), answer.text.end(), '\n'), 4) << answer.text;
    EXPECT_NE(answer.text.find("games 2 trained, 1 skipped"), std::string::npos) << answer.text;
    const Answer json = call("log --json" + where());
    EXPECT_EQ(std::count(json.text.begin(), json.text.end(), '{'), 4) << json.text;
    EXPECT_NE(json.text.find("\"kind\":\"anchor\",\"version\":0"), std::string::npos) << json.text;
}

TEST_F(Tool, ARunThatIsNotThereIsAProblem) {
    for (const std::string verb : {"log", "verify"}) {
        const Answer answer = call(verb + " --bucket " + path() + " --run other");
        EXPECT_EQ(answer.status, 1);
        EXPECT_NE(answer.text.find("check --bucket and --run"), std::string::npos) << answer.text;
    }
}

TEST_F(Tool, LookingDoesNotMakeAFolder) {
    const std::string none = (folder_ / "none").string();
    for (const std::string verb : {"log", "verify"}) {
        const Answer answer = call(verb + " --bucket " + none + " --run run");
        EXPECT_EQ(answer.status, 1);
        EXPECT_NE(answer.text.find(none + " cannot be read"), std::string::npos) << answer.text;
        EXPECT_FALSE(std::filesystem::exists(none));
    }
}

TEST_F(Tool, TheConfigSaysWhatNoFlagSays) {
    const std::string config = (folder_ / "run.yaml").string();
    std::ofstream(config) << "run: {name: run}\nbucket: {uri: " << path() << "}\n";
    EXPECT_EQ(call("verify --config " + config).status, 0);
    EXPECT_EQ(call("log --config " + config).status, 0);
    const Answer other = call("verify --run other --config " + config);
    EXPECT_EQ(other.status, 1);
    EXPECT_NE(other.text.find("run other has no log"), std::string::npos) << other.text;
    const Answer doorbell = call("doorbell --inside tcp://127.0.0.1:* --config " + config);
    EXPECT_EQ(doorbell.status, 2);
    EXPECT_NE(doorbell.text.find("--outside, or --config FILE with doorbell.outside"),
              std::string::npos)
        << doorbell.text;
    EXPECT_EQ(call("log --config " + path() + "/none.yaml").status, 1);
}

TEST_F(Tool, TheDoorbellSaysWhatItHeardAndEndsOnASignal) {
    const std::string events = (folder_ / "events" / "doorbell.jsonl").string();
    const std::string config = (folder_ / "run.yaml").string();
    std::ofstream(config) << "doorbell: {inside: 'tcp://127.0.0.1:*', "
                             "outside: 'tcp://127.0.0.1:*'}\n";
    const std::string dws = std::string(BINARY_ROOT) + "/dws";
    const Answer answer = call_shell("timeout --foreground --signal=TERM 1 " + dws +
                                     " doorbell --config " + config + " --events " + events);
    EXPECT_EQ(answer.status, 124) << answer.text;  // timeout(1): it was told to end, and did
    EXPECT_NE(answer.text.find("doorbell | inside tcp://127.0.0.1:"), std::string::npos);
    EXPECT_EQ(answer.last_line(), "doorbell | heard 0 | dropped 0 | repeated 0 | sent 0");
    std::ifstream file(events);
    const std::string lines{std::istreambuf_iterator<char>(file), {}};
    EXPECT_NE(lines.find("\"event\":\"listening\",\"inside\":\"tcp"), std::string::npos) << lines;
    EXPECT_NE(lines.find("\"event\":\"end\",\"heard\":0,\"dropped\":0"), std::string::npos)
        << lines;
}

TEST_F(Tool, AWrongCommandLineIsUsage) {
    EXPECT_EQ(call("").status, 2);
    const Answer unknown = call("frob --json");
    EXPECT_EQ(unknown.status, 2);
    EXPECT_NE(unknown.text.find("frob is no verb of dws"), std::string::npos) << unknown.text;
    const Answer lacking = call("verify --run run");
    EXPECT_EQ(lacking.status, 2);
    EXPECT_NE(lacking.text.find("--bucket, or --config FILE with bucket.uri, is required"),
              std::string::npos)
        << lacking.text;
    EXPECT_EQ(call("doorbell --inside a --outside b --drop 2").status, 2);
    EXPECT_EQ(call("log --help").status, 0);
}

TEST_F(Tool, AnEndpointThatCannotBeBoundIsOneLine) {
    const Answer answer = call("doorbell --inside nonsense --outside tcp://127.0.0.1:*");
    EXPECT_EQ(answer.status, 1);
    EXPECT_EQ(std::count(answer.text.begin(), answer.text.end(), '\n'), 1) << answer.text;
}

}  // namespace
}  // namespace dws
