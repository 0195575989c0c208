#include "trainer_bridge/batch.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

#include "tests/trainer_bridge/small_groups.h"

namespace dws {
namespace {

constexpr std::int32_t kVocabulary = 8;

// small_game(): BOS 1 4 2 4: sampled are positions 1 and 3, predicted by inputs 0 and 2.
TEST(Batch, RowsPredictTheSampledTokens) {
    GameGroup group = small_group({{1, 2}, {1}});
    group.temperature = 0.5f;
    group.games[0].logprobs[3] = -2;
    const std::vector<GameGroup> groups = {group};
    const std::vector<Advantages> advantages = {{{0.5f, -0.5f}, {2}}};
    const std::vector<TrainingBatch> batches = make_batches(groups, advantages);
    ASSERT_EQ(batches.size(), 1u);
    const TrainingBatch& batch = batches[0];
    EXPECT_EQ(batch.input.tokens, (std::vector<std::int32_t>{0, 1, 4, 0}));
    EXPECT_EQ(batch.input.starts, (std::vector<std::int32_t>{0, 3, 4}));
    EXPECT_EQ(batch.input.rows, (std::vector<std::int32_t>{0, 2, 3}));
    EXPECT_EQ(batch.targets, (std::vector<std::int32_t>{1, 2, 1}));
    EXPECT_EQ(batch.behaviour_logprobs[1], -2);
    EXPECT_EQ(batch.advantages, (std::vector<float>{0.5f, -0.5f, 2}));
    EXPECT_EQ(batch.rules[batch.rule_of_row[2]].allowed_tokens, group.allowed_tokens);
    EXPECT_EQ(batch.rules[batch.rule_of_row[2]].temperature, 0.5f);
}

TEST(Batch, CutsBetweenGamesAndKeepsEveryRow) {
    std::vector<GameGroup> groups;
    for (int index = 0; index < 50; ++index) {
        groups.push_back(small_group({std::vector<float>(100, 1), std::vector<float>(37, 1)}));
        groups.back().allowed_tokens = {1, 2, 3, static_cast<std::int32_t>(5 + index % 3)};
    }
    std::size_t rows = 0, games = 0;
    for (const TrainingBatch& batch : make_batches(groups, {})) {
        EXPECT_LE(batch.input.tokens.size(), kBatchTokens);
        EXPECT_EQ(batch.input.starts.back(), std::ssize(batch.input.tokens));
        EXPECT_EQ(batch.input.rows.size(), batch.targets.size());
        EXPECT_EQ(batch.rule_of_row.size(), batch.targets.size());
        for (const std::size_t rule : batch.rule_of_row) EXPECT_LT(rule, batch.rules.size());
        rows += batch.targets.size();
        games += batch.input.starts.size() - 1;
    }
    EXPECT_EQ(rows, 50u * 137);
    EXPECT_EQ(games, 100u);
}

TEST(Batch, NarrowedTokensAreColumnsOfTheLogits) {
    std::vector<GameGroup> groups{small_group({{1, 2}}), small_group({{1}})};
    groups[0].allowed_tokens = {7, 2, 1};
    groups[1].allowed_tokens = {5, 1};
    const std::vector<TrainingBatch> batches = make_batches(groups, {});
    TrainingBatch narrow = batches[0];
    narrow_to_allowed(narrow, 16);
    EXPECT_EQ(narrow.columns, (std::vector<std::int32_t>{1, 2, 5, 7}));
    for (std::size_t row = 0; row < narrow.targets.size(); ++row) {
        EXPECT_EQ(narrow.columns[static_cast<std::size_t>(narrow.targets[row])],
                  batches[0].targets[row]);
    }
    // In the order of the rule: the policy's sums keep theirs.
    EXPECT_EQ(narrow.rules[0].allowed_tokens, (std::vector<std::int32_t>{3, 1, 0}));
    EXPECT_EQ(narrow.rules[1].allowed_tokens, (std::vector<std::int32_t>{2, 0}));
    EXPECT_EQ(narrow.input.tokens, batches[0].input.tokens);
}

TEST(Batch, ARuleThatAllowsAllKeepsAllColumns) {
    std::vector<GameGroup> groups{small_group({{1, 2}}), small_group({{1}})};
    groups[1].allowed_tokens.clear();
    TrainingBatch batch = make_batches(groups, {})[0];
    const std::vector<std::int32_t> targets = batch.targets;
    narrow_to_allowed(batch, 1000);
    EXPECT_TRUE(batch.columns.empty());
    EXPECT_EQ(batch.targets, targets);
    EXPECT_EQ(batch.rules[0].allowed_tokens, groups[0].allowed_tokens);
}

TEST(Batch, RulesThatAllowMuchKeepAllColumns) {
    TrainingBatch batch = make_batches(std::vector{small_group({{1, 2}})}, {})[0];
    batch.rules[0].allowed_tokens = {1, 2, 3, 4};
    TrainingBatch narrow = batch;
    narrow_to_allowed(narrow, 16);
    EXPECT_EQ(narrow.columns.size(), 4u);
    narrow_to_allowed(batch, 15);
    EXPECT_TRUE(batch.columns.empty());
    EXPECT_EQ(batch.rules[0].allowed_tokens, (std::vector<std::int32_t>{1, 2, 3, 4}));
}

TEST(Batch, SoundGroupsPass) {
    EXPECT_TRUE(check_group(small_group({{1, 2}, {1}}), kVocabulary));
    GameGroup unrestricted = small_group({{1}});
    unrestricted.allowed_tokens.clear();
    EXPECT_TRUE(check_group(unrestricted, kVocabulary));
}

struct HostileGroup {
    const char* name;
    std::function<void(GameGroup&)> spoil;
};

std::string name_of_case(const ::testing::TestParamInfo<HostileGroup>& info) {
    return info.param.name;
}

struct Hostile : ::testing::TestWithParam<HostileGroup> {};

TEST_P(Hostile, GroupIsRefused) {
    GameGroup group = small_group({{1, 2}, {1}});
    GetParam().spoil(group);
    const Result<Done> checked = check_group(group, kVocabulary);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().fault, Fault::corrupt);
    EXPECT_FALSE(checked.error().detail.empty());
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
INSTANTIATE_TEST_SUITE_P(
    EveryWay, Hostile,
    ::testing::Values(
        HostileGroup{"NoGames", [](GameGroup& group) { group.games.clear(); }},
        HostileGroup{"TooManyGames",
                     [](GameGroup& group) { group.games.resize(5'000, group.games[0]); }},
        HostileGroup{"TokenPastTheVocabulary",
                     [](GameGroup& group) { group.games[1].tokens[2] = kVocabulary; }},
        HostileGroup{"NegativeToken", [](GameGroup& group) { group.games[0].tokens[0] = -1; }},
        HostileGroup{"SampledTokenNotAllowed",
                     [](GameGroup& group) { group.games[0].tokens[1] = 5; }},
        HostileGroup{"AllowedTokenPastTheVocabulary",
                     [](GameGroup& group) { group.allowed_tokens[0] = kVocabulary; }},
        HostileGroup{"AllowedTokenTwice",
                     [](GameGroup& group) { group.allowed_tokens.push_back(1); }},
        HostileGroup{"TurnsShorter", [](GameGroup& group) { group.games[0].turns.pop_back(); }},
        HostileGroup{"MaskLonger", [](GameGroup& group) { group.games[0].loss_mask.push_back(0); }},
        HostileGroup{"LogprobsMissing", [](GameGroup& group) { group.games[0].logprobs.clear(); }},
        HostileGroup{"StepsMissing", [](GameGroup& group) { group.games[0].steps.clear(); }},
        HostileGroup{"NegativeTurn", [](GameGroup& group) { group.games[0].turns[0] = -1; }},
        HostileGroup{"TurnWithoutReward",
                     [](GameGroup& group) { group.games[0].turn_rewards.pop_back(); }},
        HostileGroup{"MaskOfTwo", [](GameGroup& group) { group.games[0].loss_mask[1] = 2; }},
        HostileGroup{"FirstTokenSampled",
                     [](GameGroup& group) { group.games[0].loss_mask[0] = 1; }},
        HostileGroup{"NothingSampled", [](GameGroup& group) { group.games[1].loss_mask[1] = 0; }},
        HostileGroup{"LogprobAboveZero", [](GameGroup& group) { group.games[0].logprobs[1] = 1; }},
        HostileGroup{"LogprobNotANumber",
                     [](GameGroup& group) { group.games[0].logprobs[1] = kNaN; }},
        HostileGroup{"RewardNotANumber", [](GameGroup& group) { group.games[0].reward = kNaN; }},
        HostileGroup{"TurnRewardInfinite",
                     [](GameGroup& group) {
                         group.games[0].turn_rewards[0] = std::numeric_limits<float>::infinity();
                     }},
        HostileGroup{"RewardEnormous", [](GameGroup& group) { group.games[0].reward = 1e30f; }},
        HostileGroup{"VersionMissing",
                     [](GameGroup& group) { group.games[0].versions[1] = kNoVersion; }},
        HostileGroup{"TemperatureZero", [](GameGroup& group) { group.temperature = 0; }},
        HostileGroup{"OutcomeWithoutGame",
                     [](GameGroup& group) { group.outcomes["won"].pop_back(); }},
        HostileGroup{"TooManyOutcomes",
                     [](GameGroup& group) {
                         for (int i = 0; i < 100; ++i) {
                             group.outcomes[std::to_string(i)] = {0, 0};
                         }
                     }},
        HostileGroup{"TooLong",
                     [](GameGroup& group) {
                         group.games[0] = small_game(std::vector<float>(3'000, 1), 0);
                     }}),
    name_of_case);

}  // namespace
}  // namespace dws
