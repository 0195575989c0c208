// The `dws` command, as a user calls it.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
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

Answer call(const std::string& arguments) {
    const std::string command = std::string(BINARY_ROOT) + "/dws " + arguments + " 2>&1";
    Answer answer;
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return answer;
    char part[4096];
    while (const std::size_t bytes = std::fread(part, 1, sizeof(part), pipe))
        answer.text.append(part, bytes);
    const int status = pclose(pipe);
    answer.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return answer;
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
    const Answer answer = call("verify" + where());
    EXPECT_EQ(answer.status, 0) << answer.text;
    EXPECT_EQ(answer.last_line(), "ok: 4 records, 3 versions, digest " +
                                      sum(digest_tiles(table_, trainer_.words())).hex());
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

TEST_F(Tool, AWrongCommandLineIsUsage) {
    EXPECT_EQ(call("").status, 2);
    EXPECT_EQ(call("verify --run run").status, 2);
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
