// Against the real environment, over ZeroMQ on loopback.
#include "rollout_worker/env_client.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/clock.h"
#include "tests/rollout_worker/fixture.h"

namespace dws {
namespace {

constexpr std::chrono::milliseconds kShort{20};

EnvClientOptions options(const std::string& endpoint, double reply_timeout_s = 5) {
    return {.endpoint = endpoint, .reply_timeout_s = reply_timeout_s, .capacity_wait_s = 0.05};
}

// Until `wanted` answers came or five seconds passed.
std::vector<EnvAnswer> collect(EnvClient& client, std::size_t wanted) {
    std::vector<EnvAnswer> answers;
    const Stopwatch stopwatch;
    while (answers.size() < wanted && stopwatch.seconds() < 5) {
        for (EnvAnswer& answer : client.poll(kShort)) answers.push_back(std::move(answer));
    }
    return answers;
}

void expect_sessions(const RunningEnv& env, std::size_t expected) {
    const Stopwatch stopwatch;
    while (env.server.stats().sessions != expected && stopwatch.seconds() < 5) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    EXPECT_EQ(env.server.stats().sessions, expected);
}

TEST(EnvClient, RepliesFindTheirGames) {
    RunningEnv env;
    EnvClient client(options(env.endpoint()));
    for (std::uint64_t game = 0; game < 50; ++game) client.reset(game, game);
    std::map<std::uint64_t, std::string> sessions;
    for (const EnvAnswer& answer : collect(client, 50)) {
        ASSERT_TRUE(answer.reply);
        sessions[answer.game] = answer.reply->session;
    }
    ASSERT_EQ(sessions.size(), 50u);
    for (const auto& [game, session] : sessions) {
        client.step(game, session, garden_words()[game % garden_words().size()]);
    }
    for (const EnvAnswer& answer : collect(client, 50)) {
        ASSERT_TRUE(answer.reply);
        EXPECT_EQ(answer.reply->session, sessions.at(answer.game));
        EXPECT_EQ(answer.reply->feedback.size(), 5u);
    }
}

TEST(EnvClient, WithoutAnEnvironmentOneCallAtATimeIsLost) {
    const std::string nobody = MessageSocket::bind(SocketKind::router, "tcp://127.0.0.1:*")
                                   .endpoint();  // bound a moment, then free again
    EnvClient client(options(nobody, 0.05));
    for (std::uint64_t game = 0; game < 3; ++game) client.reset(game, 0);
    EXPECT_FALSE(client.is_answering());
    const std::vector<EnvAnswer> answers = collect(client, 1);
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].game, 0u);
    EXPECT_FALSE(answers[0].reply);
}

// Nothing of what came too fast was done: it is sent again, and no game is lost.
TEST(EnvClient, WhatCameTooFastIsSentAgain) {
    EnvOptions hurried = RunningEnv::options(256);
    hurried.requests_per_second = 20;
    Server server(hurried);
    const std::jthread thread([&](std::stop_token stop) { server.run(stop); });
    EnvClient client(options(server.endpoint()));
    for (std::uint64_t game = 0; game < 15; ++game) client.reset(game, game);
    std::map<std::uint64_t, std::string> sessions;
    for (const EnvAnswer& answer : collect(client, 15)) {
        ASSERT_TRUE(answer.reply);
        ASSERT_EQ(answer.reply->error, EnvErrorCode::none);
        sessions[answer.game] = answer.reply->session;
    }
    ASSERT_EQ(sessions.size(), 15u);
    for (const auto& [game, session] : sessions) client.step(game, session, "crane");
    std::set<std::uint64_t> stepped;
    for (const EnvAnswer& answer : collect(client, 15)) {
        ASSERT_TRUE(answer.reply);
        EXPECT_EQ(answer.reply->error, EnvErrorCode::none);
        EXPECT_EQ(answer.reply->turn, 1) << "once, not twice";
        stepped.insert(answer.game);
    }
    EXPECT_EQ(stepped.size(), 15u);
    EXPECT_GT(server.stats().slowed_down, 0u);
}

TEST(EnvClient, ResetsWaitWhileTheEnvironmentIsFull) {
    RunningEnv env(2);
    EnvClient client(options(env.endpoint()));
    for (std::uint64_t game = 0; game < 3; ++game) client.reset(game, game);
    const std::vector<EnvAnswer> opened = collect(client, 2);
    ASSERT_EQ(opened.size(), 2u);
    const Stopwatch stopwatch;
    while (!client.is_at_capacity() && stopwatch.seconds() < 5) {
        EXPECT_TRUE(client.poll(kShort).empty());
    }
    EXPECT_TRUE(client.is_at_capacity());
    client.close(opened[0].reply->session);
    const std::vector<EnvAnswer> third = collect(client, 1);
    ASSERT_EQ(third.size(), 1u);
    ASSERT_TRUE(third[0].reply);
    EXPECT_EQ(third[0].reply->error, EnvErrorCode::none);
    EXPECT_FALSE(client.is_at_capacity());
}

TEST(EnvClient, AnUnknownSessionIsTheCallersToAnswer) {
    RunningEnv env;
    EnvClient client(options(env.endpoint()));
    client.step(4, "0123456789abcdef", "crane");
    const std::vector<EnvAnswer> answers = collect(client, 1);
    ASSERT_EQ(answers.size(), 1u);
    ASSERT_TRUE(answers[0].reply);
    EXPECT_EQ(answers[0].game, 4u);
    EXPECT_EQ(answers[0].reply->error, EnvErrorCode::unknown_session);
}

TEST(EnvClient, ALateReplyOnlyGivesItsSessionBack) {
    RunningEnv env;
    LossyLine line(env.endpoint(), -1);
    line.set_holding(true);
    EnvClient client(options(line.endpoint(), 0.1));
    client.reset(1, 1);
    const std::vector<EnvAnswer> lost = collect(client, 1);
    ASSERT_EQ(lost.size(), 1u);
    EXPECT_FALSE(lost[0].reply);
    expect_sessions(env, 1);
    line.set_holding(false);
    const Stopwatch stopwatch;
    while (env.server.stats().sessions > 0 && stopwatch.seconds() < 5) {
        EXPECT_TRUE(client.poll(kShort).empty());
    }
    expect_sessions(env, 0);
    EXPECT_TRUE(client.is_answering());
}

TEST(EnvClient, ForgottenCallsAreNotAnswered) {
    RunningEnv env;
    EnvClient client(options(env.endpoint()));
    client.reset(1, 1);
    client.forget_all();
    const Stopwatch stopwatch;
    while (!client.is_answering() && stopwatch.seconds() < 5) {
        EXPECT_TRUE(client.poll(kShort).empty());
    }
    expect_sessions(env, 0);
}

}  // namespace
}  // namespace dws
