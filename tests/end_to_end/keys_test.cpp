// The loop with keys everywhere, and strangers at its doors.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <sstream>
#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "base/identity.h"
#include "base/message_socket.h"
#include "experiments/launcher/child_process.h"
#include "experiments/launcher/loop.h"
#include "tests/support/dws_command.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

// Every process has a pair of its own; everybody knows the public halves.
struct KeysTest : ::testing::Test {
    ScratchFolder scratch;
    const Identity trainer = made("trainer");
    const Identity worker = made("worker");
    const Identity stranger = made("stranger");
    const Identity environment = made("environment");
    const Identity doorbell = made("doorbell");
    const std::vector<std::string> settings{"env.words=" SOURCE_ROOT "/tests/end_to_end/words.txt",
                                            "keys.trainer=" + trainer.shared().text(),
                                            "keys.workers=" + worker.shared().text(),
                                            "keys.environment=" + environment.shared().text(),
                                            "keys.doorbell=" + doorbell.shared().text()};

    std::string key_file(const std::string& name) const {
        return (scratch / (name + ".key")).string();
    }
    Identity made(const std::string& name) const {
        Identity identity = Identity::generate();
        identity.write_new(key_file(name));
        return identity;
    }
    Role role(const std::string& name) const {
        return {.prefix = {}, .overrides = {"keys.own=" + key_file(name)}, .flags = {}};
    }
};

TEST_F(KeysTest, TheLoopLearnsWithKeysEverywhere) {
    LoopOptions options;
    options.binaries = BINARY_ROOT;
    options.config = SOURCE_ROOT "/tests/end_to_end/tiny.yaml";
    options.output = scratch / "run";
    options.overrides = settings;
    options.overrides.push_back("env.sessions_per_client=256");  // both workers have one key
    options.timeout_s = 300;
    for (const char* name : {"environment", "trainer", "worker"}) options.roles[name] = role(name);
    options.roles["doorbell"].flags = {
        "--key",   key_file("doorbell"),
        "--as",    doorbell.shared().text(),
        "--admit", trainer.shared().text() + "," + worker.shared().text()};
    options.roles["verify"].flags = {"--trust", trainer.shared().text()};
    const Story story = run_loop(options, std::stop_token());
    EXPECT_EQ(story.steps.back().step, 12);
    EXPECT_EQ(story.faults, 0);
    EXPECT_EQ(story.evaluations.size(), 2u);
    for (const auto& [name, each] : story.workers) {
        if (each.has_ended) {
            EXPECT_EQ(each.digest, story.final_digest) << name;
        }
    }
    EXPECT_TRUE(std::filesystem::exists(options.output / "trust"));
    const std::string run = " --bucket " + (options.output / "bucket").string() + " --run tiny";
    EXPECT_NE(call_dws("verify" + run + " --trust " + stranger.shared().text()).status, 0)
        << "the log is signed by the trainer, and by nobody else";
}

// Programs started one by one, each with its own settings after those of all.
struct StrangerTest : KeysTest {
    const std::string keyed_env = free_endpoint();
    const std::string strangers_env = free_endpoint();

    static std::string free_endpoint() {
        return MessageSocket::bind(SocketKind::router, "tcp://127.0.0.1:*").endpoint();
    }
    std::filesystem::path log_of(const std::string& name) const {
        return scratch / (name + ".log");
    }
    ChildProcess start(const std::string& name, const std::string& program,
                       const std::vector<std::string>& own,
                       const std::vector<std::string>& flags = {}) const {
        std::vector<std::string> words{BINARY_ROOT "/" + program, "--config",
                                       SOURCE_ROOT "/tests/end_to_end/tiny.yaml"};
        std::vector<std::string> all = settings;
        all.push_back("run.output=" + (scratch / name).string());
        all.push_back("bucket.uri=" + (scratch / "bucket").string());
        all.push_back("env.endpoint=" + keyed_env);
        all.insert(all.end(), own.begin(), own.end());
        for (const std::string& setting : all) words.insert(words.end(), {"--set", setting});
        words.insert(words.end(), flags.begin(), flags.end());
        return ChildProcess(words, log_of(name));
    }
    std::string printed(const std::string& name) const {
        std::ostringstream text;
        text << std::ifstream(log_of(name)).rdbuf();
        return text.str();
    }
    bool says(const std::string& name, const std::string& words) const {
        const Stopwatch waited;
        while (printed(name).find(words) == std::string::npos) {
            if (waited.seconds() > 60) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return true;
    }
    // "keys.own=..." and that it speaks without keys to an environment of its own.
    std::vector<std::string> outside_the_keyed() const {
        return {"keys.own=" + key_file("stranger"),
                "keys.environment=", "keys.doorbell=", "env.endpoint=" + strangers_env};
    }
};

// The stranger may write to the bucket and has an environment of its own to play with.
TEST_F(StrangerTest, AStrangersGamesAreRefusedAndTheRunGoesOn) {
    ChildProcess own_env = start("strangers_env", "env_wordle",
                                 {"keys.environment=", "env.endpoint=" + strangers_env});
    ChildProcess env = start("environment", "env_wordle", {"keys.own=" + key_file("environment")});
    ASSERT_TRUE(says("environment", "1 keys admitted")) << printed("environment");
    ASSERT_TRUE(says("strangers_env", "no keys")) << printed("strangers_env");
    ChildProcess intruder = start("intruder", "rollout_worker", outside_the_keyed());
    ChildProcess learner = start("trainer", "trainer_bridge", {"keys.own=" + key_file("trainer")});
    EXPECT_TRUE(says("trainer", "no listed worker's key")) << printed("trainer");
    EXPECT_FALSE(learner.status()) << printed("trainer");

    ChildProcess player = start("worker", "rollout_worker", {"keys.own=" + key_file("worker")});
    EXPECT_EQ(learner.wait_s(120), 0) << printed("trainer");
    EXPECT_EQ(player.wait_s(20), 0) << printed("worker");
    const std::string run = " --bucket " + (scratch / "bucket").string() + " --run tiny";
    const Answer log = call_dws("log" + run + " --trust " + trainer.shared().text());
    EXPECT_EQ(log.status, 0) << log.text;
    EXPECT_EQ(log.text.find(" 0 trained"), std::string::npos) << log.text;
    EXPECT_NE(log.text.find("refused"), std::string::npos) << log.text;
}

TEST_F(StrangerTest, TheEnvironmentDoesNotAnswerAWorkerThatIsNotListed) {
    ChildProcess env = start("environment", "env_wordle", {"keys.own=" + key_file("environment")});
    ASSERT_TRUE(says("environment", "listening")) << printed("environment");
    ChildProcess intruder =
        start("intruder", "rollout_worker", {"keys.own=" + key_file("stranger")});
    EXPECT_TRUE(says("intruder", "waiting for the environment")) << printed("intruder");
    env.signal(SIGTERM);
    EXPECT_EQ(env.wait_s(5), 0);
    EXPECT_NE(printed("environment").find("end | 0 requests"), std::string::npos)
        << printed("environment");
}

// A worker that pins another key has nothing to believe.
TEST_F(StrangerTest, AWorkerFollowsNobodyButWhomItPinned) {
    ChildProcess env = start("environment", "env_wordle", {"keys.own=" + key_file("environment")});
    ChildProcess learner = start("trainer", "trainer_bridge",
                                 {"keys.own=" + key_file("trainer"), "trainer.warm_start.steps=0"});
    ASSERT_TRUE(says("trainer", "version 0 ")) << printed("trainer");
    ChildProcess believer =
        start("worker", "rollout_worker",
              {"keys.own=" + key_file("worker"), "keys.trainer=" + stranger.shared().text(),
               "trainer.warm_start.steps=0"});
    EXPECT_EQ(believer.wait_s(20), 1) << printed("worker");
    EXPECT_NE(printed("worker").find("untrusted"), std::string::npos) << printed("worker");
}

TEST_F(StrangerTest, WhatIsMissingIsNamed) {
    const auto expect_refusal = [&](const std::string& name, const std::string& program,
                                    const std::vector<std::string>& own,
                                    const std::vector<std::string>& words) {
        ChildProcess process = start(name, program, own);
        EXPECT_EQ(process.wait_s(20), 1);
        for (const std::string& word : words)
            EXPECT_NE(printed(name).find(word), std::string::npos) << printed(name);
    };
    expect_refusal("a", "env_wordle", {}, {"keys.environment", "keys.own", "dws keygen"});
    expect_refusal("b", "rollout_worker", {}, {"keys.own", "dws keygen"});
    expect_refusal("c", "trainer_bridge", {}, {"keys.trainer", "keys.own", "dws keygen"});
    expect_refusal("d", "trainer_bridge", {"keys.own=" + key_file("trainer"), "keys.workers="},
                   {"keys.workers", "dws keygen"});
    expect_refusal("e", "env_wordle", {"keys.environment=", "env.endpoint=tcp://0.0.0.0:*"},
                   {"cannot listen on tcp://0.0.0.0:*", "dws keygen", "keys.insecure"});
    expect_refusal("f", "env_wordle", {"keys.own=" + key_file("nobody")}, {"nobody.key"});
}

}  // namespace
}  // namespace dws
