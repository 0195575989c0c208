#include "base/event_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>

namespace dws {
namespace {

using Json = nlohmann::ordered_json;

class EventLogTest : public testing::Test {
protected:
    EventLogTest() { std::filesystem::remove_all(folder_); }
    ~EventLogTest() override { std::filesystem::remove_all(folder_); }

    std::vector<std::string> lines() const {
        std::ifstream in(file_);
        std::vector<std::string> all;
        for (std::string line; std::getline(in, line);) all.push_back(line);
        return all;
    }

    const std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("event_log_test." + std::to_string(getpid()));
    const std::filesystem::path file_ = folder_ / "made" / "on the way" / "events.jsonl";
};

TEST_F(EventLogTest, WritesTheFactsInTheirOrder) {
    EventLog("trainer", file_)
        .write("step", "", {{"step", 7}, {"loss", 0.5}, {"is_last", true}, {"note", "a \"b\""}});
    ASSERT_EQ(lines().size(), 1u);
    const Json line = Json::parse(lines()[0]);
    std::vector<std::string> names;
    for (const auto& [name, value] : line.items()) names.push_back(name);
    EXPECT_EQ(names, (std::vector<std::string>{"time_unix_s", "program", "event", "step", "loss",
                                               "is_last", "note"}));
    EXPECT_GT(line["time_unix_s"], 1.6e9);
    EXPECT_EQ(line["program"], "trainer");
    EXPECT_EQ(line["event"], "step");
    EXPECT_EQ(line["step"], 7);
    EXPECT_EQ(line["loss"], 0.5);
    EXPECT_EQ(line["is_last"], true);
    EXPECT_EQ(line["note"], "a \"b\"");
}

TEST_F(EventLogTest, NumbersThatJsonCannotHoldBecomeNull) {
    EventLog("p", file_)
        .write("e", "",
               {{"a", std::numeric_limits<double>::infinity()},
                {"b", std::numeric_limits<double>::quiet_NaN()}});
    const Json line = Json::parse(lines().at(0));
    EXPECT_TRUE(line["a"].is_null());
    EXPECT_TRUE(line["b"].is_null());
}

TEST_F(EventLogTest, ForeignBytesBreakNeitherLine) {
    testing::internal::CaptureStdout();
    EventLog("p", file_).write("fault", "two\nlines \x1b[31m", {{"detail", "\xff\n"}});
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "two lines  [31m\n");
    ASSERT_EQ(lines().size(), 1u);
    EXPECT_EQ(Json::parse(lines()[0])["detail"], "\xef\xbf\xbd\n");
}

TEST_F(EventLogTest, PeopleReadTheHumanLineOnly) {
    testing::internal::CaptureStdout();
    {
        EventLog log("p", file_);
        log.write("step", "step 7 | loss 0.5", {{"step", 7}});
        log.write("quiet", "", {});
    }
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "step 7 | loss 0.5\n");
    EXPECT_EQ(lines().size(), 2u);
}

TEST_F(EventLogTest, ALineIsThereAsSoonAsItIsWritten) {
    EventLog log("p", file_);
    log.write("e", "", {});
    EXPECT_EQ(lines().size(), 1u);
}

TEST_F(EventLogTest, ASecondRunAppends) {
    EventLog("p", file_).write("first", "", {});
    EventLog("p", file_).write("second", "", {});
    ASSERT_EQ(lines().size(), 2u);
    EXPECT_EQ(Json::parse(lines()[1])["event"], "second");
}

TEST_F(EventLogTest, ThreadsWriteWholeLines) {
    constexpr int kThreads = 4, kEach = 200;
    EventLog log("p", file_);
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < kThreads; ++thread)
            threads.emplace_back([&] {
                for (int i = 0; i < kEach; ++i)
                    log.write("e", "", {{"text", std::string(100, 'x')}});
            });
    }
    const std::vector<std::string> all = lines();
    EXPECT_EQ(all.size(), std::size_t{kThreads * kEach});
    for (const std::string& line : all) EXPECT_TRUE(Json::accept(line)) << line;
}

TEST_F(EventLogTest, NoFileMeansNoFile) {
    testing::internal::CaptureStdout();
    EventLog("p", {}).write("e", "said", {});
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "said\n");
    EXPECT_FALSE(std::filesystem::exists(folder_));
}

TEST_F(EventLogTest, AFullDiskIsReportedOnceAndTheProgramGoesOn) {
    if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "needs /dev/full";
    testing::internal::CaptureStderr();
    EventLog log("trainer", "/dev/full");
    log.write("e", "", {});
    log.write("e", "", {});
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_NE(said.find("No space left"), std::string::npos) << said;
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

TEST_F(EventLogTest, AFileThatCannotBeOpenedIsNamed) {
    std::filesystem::create_directories(file_);  // a folder stands in its place
    try {
        EventLog log("p", file_);
        FAIL() << "opened a folder";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("events.jsonl"), std::string::npos);
    }
}

}  // namespace
}  // namespace dws
