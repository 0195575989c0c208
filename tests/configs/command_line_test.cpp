#include "configs/command_line.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace dws {
namespace {

class CommandLineTest : public testing::Test {
protected:
    CommandLineTest() { std::ofstream(file_) << "trainer: {steps: 7}\n"; }
    ~CommandLineTest() override { std::filesystem::remove(file_); }

    // The exit status; what was printed is in out_ and error_.
    int run(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "/some/where/trainer_bridge");
        std::vector<char*> argv;
        for (std::string& argument : arguments) argv.push_back(argument.data());
        const std::vector<ExtraFlag> flags{{"--resume", "Go on", &resume_, nullptr},
                                           {"--evaluate", "Only play", nullptr, &evaluate_}};
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        const int status = run_main(static_cast<int>(argv.size()), argv.data(), "Learns.", flags,
                                    [&](const Config& config) { return body(config); });
        out_ = testing::internal::GetCapturedStdout();
        error_ = testing::internal::GetCapturedStderr();
        return status;
    }

    int body(const Config& config) {
        runs_ += 1;
        config_ = config;
        if (!failure_.empty()) throw std::runtime_error(failure_);
        return status_;
    }

    void expect_one_line(const std::string& what) const {
        EXPECT_TRUE(error_.starts_with("trainer_bridge: ")) << error_;
        EXPECT_NE(error_.find(what), std::string::npos) << error_;
        EXPECT_EQ(std::count(error_.begin(), error_.end(), '\n'), 1) << error_;
    }

    const std::string file_ = (std::filesystem::temp_directory_path() /
                               ("command_line_test." + std::to_string(getpid()) + ".yaml"))
                                  .string();
    bool resume_ = false;
    std::string evaluate_;
    int runs_ = 0, status_ = 0;
    std::string failure_, out_, error_;
    Config config_;
};

TEST_F(CommandLineTest, LoadsTheConfigAndRunsTheBody) {
    status_ = 3;
    EXPECT_EQ(run({"--config", file_}), 3);
    EXPECT_EQ(runs_, 1);
    EXPECT_EQ(config_.trainer.steps, 7);
    EXPECT_EQ(out_ + error_, "");
    EXPECT_FALSE(resume_);
    EXPECT_EQ(evaluate_, "");
}

TEST_F(CommandLineTest, SetMayBeRepeatedAnywhere) {
    EXPECT_EQ(run({"--set", "run.name=a", "--config", file_, "--set=trainer.steps=9"}), 0);
    EXPECT_EQ(config_.run.name, "a");
    EXPECT_EQ(config_.trainer.steps, 9);
}

TEST_F(CommandLineTest, ValuesOfSetArriveAsTheyWereWritten) {
    EXPECT_EQ(run({"--config", file_, "--set", "run.name=a, b=[c] \"d\"", "--set",
                   "worker.valid_reward=-1"}),
              0);
    EXPECT_EQ(config_.run.name, "a, b=[c] \"d\"");
    EXPECT_EQ(config_.worker.valid_reward, -1);
}

TEST_F(CommandLineTest, ASetTakesOneValueOnly) {
    EXPECT_EQ(run({"--config", file_, "--set", "run.name=a", "run.seed=1"}), 2);
    expect_one_line("run.seed=1");
}

TEST_F(CommandLineTest, OwnFlagsReachTheirPlaces) {
    EXPECT_EQ(run({"--config", file_, "--resume", "--evaluate", "43"}), 0);
    EXPECT_TRUE(resume_);
    EXPECT_EQ(evaluate_, "43");
}

TEST_F(CommandLineTest, HelpExplainsEveryFlagAndRunsNothing) {
    EXPECT_EQ(run({"--help"}), 0);
    for (const std::string text : {"Learns.", "--config", "--set", "--resume", "--evaluate"})
        EXPECT_NE(out_.find(text), std::string::npos) << text << " in " << out_;
    EXPECT_EQ(runs_, 0);
    EXPECT_EQ(error_, "");
}

TEST_F(CommandLineTest, AWrongCommandLineIsStatus2) {
    EXPECT_EQ(run({}), 2);
    expect_one_line("--config");
    EXPECT_EQ(run({"--config"}), 2);
    expect_one_line("--config");
    EXPECT_EQ(run({"--config", file_, "--unknown"}), 2);
    expect_one_line("--unknown");
    EXPECT_EQ(run({"--config", file_, "-h"}), 2);
    EXPECT_EQ(runs_, 0);
}

TEST_F(CommandLineTest, AWrongConfigIsStatus1) {
    EXPECT_EQ(run({"--config", "/nonexistent/a.yaml"}), 1);
    expect_one_line("/nonexistent/a.yaml");
    EXPECT_EQ(run({"--config", file_, "--set", "trainer.stpes=1"}), 1);
    expect_one_line("did you mean 'trainer.steps'?");
    EXPECT_EQ(runs_, 0);
}

TEST_F(CommandLineTest, WhatTheBodyThrowsIsOneLineAndStatus1) {
    failure_ = "no\nGPU";
    EXPECT_EQ(run({"--config", file_}), 1);
    EXPECT_EQ(error_, "trainer_bridge: no GPU\n");
}

}  // namespace
}  // namespace dws
