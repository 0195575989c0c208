#include "env_wordle/session_table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace dws {
namespace {

Session any_game() { return {Rules::open, "crane"}; }

TEST(SessionTable, OpensAsManyAsItHolds) {
    SessionTable table(3, 10);
    for (int game = 0; game < 3; ++game) EXPECT_TRUE(table.open(any_game(), "client", 0));
    EXPECT_FALSE(table.open(any_game(), "client", 0));
    EXPECT_EQ(table.size(), 3u);
}

TEST(SessionTable, AClosedGameGivesItsPlaceBack) {
    SessionTable table(1, 10);
    const std::string id = *table.open(any_game(), "client", 0);
    EXPECT_TRUE(table.close(id));
    EXPECT_FALSE(table.close(id));
    EXPECT_FALSE(table.find(id, 0));
    EXPECT_TRUE(table.open(any_game(), "client", 0));
}

TEST(SessionTable, OnlyIdleGamesExpire) {
    SessionTable table(3, 10);
    const std::string used = *table.open(any_game(), "client", 0);
    const std::string idle = *table.open(any_game(), "client", 1);
    EXPECT_EQ(table.expire(10), 0u);
    EXPECT_TRUE(table.find(used, 10));
    EXPECT_EQ(table.expire(11.5), 1u);
    EXPECT_FALSE(table.find(idle, 11.5));
    EXPECT_TRUE(table.find(used, 11.5));
    EXPECT_EQ(table.expire(100), 1u);
    EXPECT_EQ(table.size(), 0u);
}

TEST(SessionTable, IdsAreLongDifferentAndUnordered) {
    SessionTable table(1000, 10);
    std::set<std::string> ids;
    bool is_ascending = true;
    std::string before;
    for (int game = 0; game < 1000; ++game) {
        const std::string id = *table.open(any_game(), "client", 0);
        EXPECT_EQ(id.size(), 16u);
        EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
        is_ascending = is_ascending && before < id;
        before = id;
        ids.insert(id);
    }
    EXPECT_EQ(ids.size(), 1000u);
    EXPECT_FALSE(is_ascending);
}

TEST(SessionTable, CountsTheSessionsOfEachClient) {
    SessionTable table(10, 10);
    const std::string first = *table.open(any_game(), "a", 0);
    table.open(any_game(), "a", 5);
    table.open(any_game(), "b", 5);
    EXPECT_EQ(table.size_of("a"), 2u);
    EXPECT_EQ(table.size_of("b"), 1u);
    EXPECT_EQ(table.size_of("nobody"), 0u);
    EXPECT_TRUE(table.close(first));
    EXPECT_EQ(table.size_of("a"), 1u);
    EXPECT_EQ(table.expire(16), 2u);
    EXPECT_EQ(table.size_of("a"), 0u);
    EXPECT_EQ(table.size_of("b"), 0u);
}

}  // namespace
}  // namespace dws
