// Whole groups, end to end: random weights or the script, against the real environment.
#include "rollout_worker/player.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/clock.h"
#include "rollout_worker/native_engine.h"
#include "rollout_worker/scripted_engine.h"
#include "tests/rollout_worker/fixture.h"

namespace dws {
namespace {

constexpr std::chrono::milliseconds kIdle{5};

// Until `wanted` groups are whole or ten seconds passed.
std::vector<GameGroup> play(Player& player, std::size_t wanted) {
    std::vector<GameGroup> groups;
    const Stopwatch stopwatch;
    while (groups.size() < wanted && stopwatch.seconds() < 10) {
        for (GameGroup& group : player.advance(kIdle)) groups.push_back(std::move(group));
    }
    EXPECT_EQ(groups.size(), wanted);
    return groups;
}

// What a trainer relies on.
void expect_sound(const GameGroup& group) {
    for (const Game& game : group.games) {
        const std::size_t tokens = game.tokens.size();
        ASSERT_EQ(game.turns.size(), tokens);
        ASSERT_EQ(game.loss_mask.size(), tokens);
        ASSERT_EQ(game.logprobs.size(), tokens);
        ASSERT_EQ(game.versions.size(), tokens);
        ASSERT_EQ(game.steps.size(), tokens);
        EXPECT_EQ(tokens, 1 + 10 * game.turn_rewards.size() - 5);
        for (std::size_t i = 0; i < tokens; ++i) {
            const bool is_letter = game.tokens[i] >= 1 && game.tokens[i] <= 26;
            EXPECT_EQ(game.loss_mask[i] == 1, is_letter);
            EXPECT_TRUE(std::isfinite(game.logprobs[i]));
            EXPECT_LE(game.logprobs[i], 0.0f);
            EXPECT_EQ(game.turns[i], i == 0 ? 0 : static_cast<std::int32_t>((i - 1) / 10));
            if (!is_letter) {
                EXPECT_EQ(game.logprobs[i], 0.0f);
                EXPECT_EQ(game.versions[i], kNoVersion);
            }
        }
    }
    for (const char* name : {"won", "turns", "valid"}) {
        ASSERT_TRUE(group.outcomes.contains(name));
        EXPECT_EQ(group.outcomes.at(name).size(), group.games.size());
    }
}

struct PlayerTest : ::testing::Test {
    RunningEnv env;
    const LettersText text;
    const ModelConfig config = small_model();
    const std::vector<Bf16> words = random_model_words(config, 3);
    const std::unique_ptr<Backend> backend = make_cpu_backend(1);

    NativeEngine native(int slots) const {
        EngineOptions options;
        options.slots = slots;
        options.capacity_tokens = text.game_tokens_max();
        options.allowed_tokens = text.allowed_tokens();
        NativeEngine engine(config, *backend, options);
        engine.set_weights(words, 12, 34);
        return engine;
    }
    static EnvClientOptions client(const std::string& endpoint, double timeout_s = 5) {
        EnvClientOptions options;
        options.endpoint = endpoint;
        options.reply_timeout_s = timeout_s;
        return options;
    }
};

TEST_F(PlayerTest, AGroupHoldsWhatTheTrainerNeeds) {
    NativeEngine engine = native(8);
    EnvClient line(client(env.endpoint()));
    Player player(engine, line, text, {8, 1, {}});
    player.open_group(plan_group(77, 8));
    const GameGroup group = play(player, 1).at(0);
    ASSERT_EQ(group.games.size(), 8u);
    expect_sound(group);
    EXPECT_EQ(group.seed, 77u);
    EXPECT_FALSE(group.is_demonstration);
    EXPECT_EQ(group.allowed_tokens, text.allowed_tokens());
    EXPECT_LT(group.games[0].logprobs[1], 0.0f);
    EXPECT_EQ(group.games[0].versions[1], 12);
    EXPECT_EQ(group.games[0].steps[1], 34);
    std::set<std::vector<std::int32_t>> distinct;
    for (const Game& game : group.games) distinct.insert(game.tokens);
    EXPECT_EQ(distinct.size(), 8u) << "games of a group differ by their sampling seeds";
    EXPECT_EQ(player.games_finished(), 8);
    EXPECT_EQ(player.games_in_flight(), 0u);
}

TEST_F(PlayerTest, AGroupIsTheSameWithFewSlotsOrMany) {
    std::vector<GameGroup> groups;
    for (const int slots : {2, 16}) {
        NativeEngine engine = native(slots);
        EnvClient line(client(env.endpoint()));
        Player player(engine, line, text, {static_cast<std::size_t>(slots), 1, {}});
        player.open_group(plan_group(5, 6));
        groups.push_back(play(player, 1).at(0));
    }
    for (std::size_t i = 0; i < 6; ++i) {
        EXPECT_EQ(groups[0].games[i].tokens, groups[1].games[i].tokens);
        EXPECT_EQ(groups[0].games[i].logprobs, groups[1].games[i].logprobs);
        EXPECT_EQ(groups[0].games[i].reward, groups[1].games[i].reward);
    }
}

TEST_F(PlayerTest, DemonstrationsWinAndDifferInTheirSecrets) {
    ScriptedEngine engine(garden_words(), 32);
    EnvClient line(client(env.endpoint()));
    Player player(engine, line, text, {32, 1, {}});
    player.open_group(plan_demonstrations(9, 64));
    const GameGroup group = play(player, 1).at(0);
    ASSERT_EQ(group.games.size(), 64u);
    expect_sound(group);
    EXPECT_TRUE(group.is_demonstration);
    int won = 0;
    std::set<std::vector<std::int32_t>> last_words;
    for (std::size_t i = 0; i < 64; ++i) {
        const Game& game = group.games[i];
        won += group.outcomes.at("won")[i] == 1.0f;
        last_words.insert({game.tokens.end() - 5, game.tokens.end()});
        if (group.outcomes.at("won")[i] == 1.0f) {
            EXPECT_GE(game.reward, 1.5f);
            EXPECT_GE(game.turn_rewards.back(), 1.0f);
        }
    }
    EXPECT_GE(won, 60);
    EXPECT_GT(last_words.size(), 10u);
}

TEST_F(PlayerTest, ALostReplyBeginsOnlyItsOwnGameAgain) {
    LossyLine lossy(env.endpoint(), 3);
    NativeEngine engine = native(4);
    EnvClient line(client(lossy.endpoint(), 0.3));
    Player player(engine, line, text, {4, 1, {}});
    player.open_group(plan_group(21, 4));
    const GameGroup with_loss = play(player, 1).at(0);
    EXPECT_TRUE(lossy.has_lost());
    const auto restarts = player.take_restarts();
    ASSERT_EQ(restarts.size(), 1u);
    EXPECT_EQ(restarts.begin()->second, 1);
    expect_sound(with_loss);

    NativeEngine calm_engine = native(4);
    EnvClient calm_line(client(env.endpoint()));
    Player calm(calm_engine, calm_line, text, {4, 1, {}});
    calm.open_group(plan_group(21, 4));
    const GameGroup without_loss = play(calm, 1).at(0);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(with_loss.games[i].tokens, without_loss.games[i].tokens);
    }
}

TEST_F(PlayerTest, SessionsAreGivenBackWhenItEndsInTheMiddle) {
    {
        NativeEngine engine = native(4);
        EnvClient line(client(env.endpoint()));
        Player player(engine, line, text, {4, 1, {}});
        player.open_group(plan_group(1, 4));
        const Stopwatch stopwatch;
        while (engine.in_flight() < 4 && stopwatch.seconds() < 5) player.advance(kIdle);
    }
    const Stopwatch stopwatch;
    while (env.server.stats().sessions > 0 && stopwatch.seconds() < 5) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    EXPECT_EQ(env.server.stats().sessions, 0u);
}

TEST_F(PlayerTest, RoomIsThereUntilEverySlotHasAGame) {
    NativeEngine engine = native(3);
    EnvClient line(client(env.endpoint()));
    Player player(engine, line, text, {3, 1, {}});
    EXPECT_TRUE(player.wants_group());
    player.open_group(plan_group(1, 2));
    EXPECT_FALSE(player.wants_group()) << "two games wait to begin";
    player.advance(kIdle);
    EXPECT_TRUE(player.wants_group());
    player.open_group(plan_group(2, 2));
    player.advance(kIdle);
    EXPECT_EQ(player.games_in_flight(), 3u);
    EXPECT_EQ(player.open_groups(), 2u);
    EXPECT_FALSE(player.wants_group());
    play(player, 2);
}

TEST_F(PlayerTest, GamesWaitForRoomInTheCacheAndAreTheSame) {
    std::vector<GameGroup> groups;
    for (const int cache_tokens : {0, 130}) {  // 130: two games of 61
        EngineOptions options;
        options.slots = 8;
        options.capacity_tokens = text.game_tokens_max();
        options.cache_tokens = cache_tokens;
        options.allowed_tokens = text.allowed_tokens();
        NativeEngine engine(config, *backend, options);
        engine.set_weights(words, 12, 34);
        EnvClient line(client(env.endpoint()));
        Player player(engine, line, text, {8, 1, {}});
        player.open_group(plan_group(31, 8));
        groups.push_back(play(player, 1).at(0));
    }
    for (std::size_t i = 0; i < 8; ++i) {
        EXPECT_EQ(groups[0].games[i].tokens, groups[1].games[i].tokens);
        EXPECT_EQ(groups[0].games[i].logprobs, groups[1].games[i].logprobs);
    }
}

}  // namespace
}  // namespace dws
