#include "model/merge_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace dws {
namespace {

using Tokens = std::vector<std::int32_t>;
using Rules = std::vector<MergeRule>;

// The definition, word by word: the earliest rule that fits anywhere, at its leftmost place.
Tokens merged_by_definition(const Rules& rules, Tokens tokens) {
    for (std::size_t rule = 0; rule < rules.size();) {
        bool has_merged = false;
        for (std::size_t i = 0; i + 1 < tokens.size() && !has_merged; ++i) {
            if (tokens[i] != rules[rule].left || tokens[i + 1] != rules[rule].right) continue;
            tokens[i] = rules[rule].merged;
            tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(i) + 1);
            has_merged = true;
        }
        rule = has_merged ? 0 : rule + 1;
    }
    return tokens;
}

TEST(MergeTable, NothingAndOneTokenStayAsTheyAre) {
    const Rules rules{{1, 1, 2}};
    EXPECT_EQ(MergeTable(rules).merge(Tokens{}), Tokens{});
    EXPECT_EQ(MergeTable(rules).merge(Tokens{1}), Tokens{1});
}

TEST(MergeTable, TheLeftmostPairGoesFirst) {
    const Rules rules{{1, 1, 2}};
    EXPECT_EQ(MergeTable(rules).merge(Tokens{1, 1, 1}), (Tokens{2, 1}));
    EXPECT_EQ(MergeTable(rules).merge(Tokens{1, 1, 1, 1}), (Tokens{2, 2}));
}

TEST(MergeTable, TheEarlierRuleGoesFirst) {
    EXPECT_EQ(MergeTable(Rules{{1, 2, 4}, {2, 3, 5}}).merge(Tokens{1, 2, 3}), (Tokens{4, 3}));
    EXPECT_EQ(MergeTable(Rules{{2, 3, 5}, {1, 2, 4}}).merge(Tokens{1, 2, 3}), (Tokens{1, 5}));
}

TEST(MergeTable, OfTwoRulesForOnePairTheLaterHolds) {
    EXPECT_EQ(MergeTable(Rules{{1, 2, 4}, {2, 3, 5}, {1, 2, 6}}).merge(Tokens{1, 2, 3}),
              (Tokens{1, 5}));
}

TEST(MergeTable, ManyRandomPiecesMergeByTheDefinition) {
    const unsigned seed = std::random_device{}();
    std::mt19937 random(seed);
    for (int round = 0; round < 300; ++round) {
        std::int32_t next = 4;  // bytes are 0 .. 3
        Rules rules;
        for (int i = 0; i < 12; ++i) {
            const auto left = static_cast<std::int32_t>(random() % static_cast<unsigned>(next));
            const auto right = static_cast<std::int32_t>(random() % static_cast<unsigned>(next));
            const bool is_known = std::any_of(rules.begin(), rules.end(), [&](const auto& rule) {
                return rule.left == left && rule.right == right;
            });
            if (!is_known) rules.push_back({left, right, next++});
        }
        std::shuffle(rules.begin(), rules.end(), random);
        Tokens tokens;
        for (auto i = random() % 40; i > 0; --i)
            tokens.push_back(static_cast<std::int32_t>(random() % 4));
        EXPECT_EQ(MergeTable(rules).merge(tokens), merged_by_definition(rules, tokens))
            << "seed " << seed;
    }
}

}  // namespace
}  // namespace dws
