#include "sync/games/game_fetch_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/random_arrays.h"

namespace dws {
namespace {

constexpr double kPoll_s = 1;
constexpr double kGap_s = 60;
using What = GameAsk::What;

// A plan, a clock and a bucket that holds numbers.
struct Line {
    explicit Line(const std::map<std::string, std::int64_t>& cursors = {})
        : plan(cursors, kPoll_s, kGap_s, now_s) {}

    double now_s = 1'000;
    FetchPlan plan;
    std::map<std::string, std::set<std::int64_t>> there;
    std::string handed_out;  // "a0 a1! ": ! is refused
    std::size_t capacity = 64;
    std::size_t gets = 0;
    std::size_t lists = 0;

    void put(const std::string& worker, std::int64_t first, std::int64_t last) {
        for (std::int64_t number = first; number <= last; ++number) there[worker].insert(number);
    }
    // Whatever may be under way at once.
    std::vector<GameAsk> ask_all(std::size_t limit = 16) {
        std::vector<GameAsk> asks;
        while (asks.size() < limit) {
            const std::size_t room = capacity - std::min(capacity, plan.groups());
            const std::optional<GameAsk> ask = plan.next_ask(now_s, room);
            if (!ask) break;
            (ask->what == What::group ? gets : lists) += 1;
            asks.push_back(*ask);
        }
        return asks;
    }
    void answer(const GameAsk& ask) {
        const std::set<std::int64_t>& numbers = there[ask.worker];
        if (ask.what == What::folder)
            return plan.listed(ask, {numbers.begin(), numbers.end()}, now_s);
        const bool is_there = numbers.contains(ask.number);
        const ReceivedGroup group{
            .worker = ask.worker, .number = ask.number, .group = GameGroup{}, .error = {}};
        for (const ReceivedGroup& out :
             is_there ? plan.found(group, now_s) : plan.missing(ask, now_s)) {
            const std::string mark = out.group ? " " : "! ";
            handed_out += out.worker + std::to_string(out.number) + mark;
            if (!out.group) {
                EXPECT_EQ(out.error->fault, Fault::missing);
            }
        }
    }
    // One after another, until nothing is to be asked now.
    void settle() {
        for (std::vector<GameAsk> asks = ask_all(1); !asks.empty(); asks = ask_all(1))
            answer(asks[0]);
    }
    // All at once, round trip after round trip.
    void trips(int count, std::size_t limit = 16) {
        for (int trip = 0; trip < count; ++trip)
            for (const GameAsk& ask : ask_all(limit)) answer(ask);
    }
    // Always awake when something is due.
    void pass(double time_s) {
        const double end_s = now_s + time_s;
        for (settle(); plan.next_due_s() <= end_s; settle())
            now_s = std::max(now_s, plan.next_due_s());
        now_s = end_s;
    }
    std::string take() { return std::exchange(handed_out, ""); }
};

TEST(FetchPlan, ReadsAheadOfAWorkerWhoHasGroups) {
    Line line;
    line.plan.add("a", line.now_s);
    line.put("a", 0, 99);
    std::string expected;
    for (int number = 0; number < 100; ++number) expected += "a" + std::to_string(number) + " ";
    int trips = 0;
    std::size_t most = 0;
    while (line.handed_out.size() < expected.size() && trips++ < 100) {
        const std::vector<GameAsk> asks = line.ask_all();
        most = std::max(most, asks.size());
        for (const GameAsk& ask : asks) line.answer(ask);
    }
    EXPECT_EQ(line.handed_out, expected);
    EXPECT_EQ(most, 16u);
    EXPECT_LE(trips, 12) << "1, 2, 4, 8 and then 16 with each trip";
}

TEST(FetchPlan, SeveralWorkersShareTheLine) {
    Line line;
    for (const std::string worker : {"a", "b", "c"}) {
        line.plan.add(worker, line.now_s);
        line.put(worker, 0, 99);
    }
    line.trips(8, 12);
    for (const std::string number : {"a15 ", "b15 ", "c15 "})
        EXPECT_NE(line.handed_out.find(number), std::string::npos) << line.handed_out;
}

TEST(FetchPlan, AnIdleWorkerIsOneGetPerPoll) {
    Line line;
    line.plan.add("a", line.now_s);
    line.put("a", 0, 20);
    line.pass(0);
    line.gets = 0;
    line.pass(5);
    EXPECT_EQ(line.gets, 5u);
    line.put("a", 21, 21);
    line.take();
    line.pass(kPoll_s);
    EXPECT_EQ(line.take(), "a21 ");
}

TEST(FetchPlan, TheLongDeadCostOneGetAndOneListingAnHour) {
    const std::size_t workers = 300;
    std::map<std::string, std::int64_t> cursors;
    for (std::size_t worker = 0; worker < workers; ++worker)
        cursors["gone-" + std::to_string(worker)] = 5;
    Line line(cursors);
    line.pass(3'600);
    EXPECT_LT(line.gets, 60 * workers) << "not one per second: that is 3,600";
    EXPECT_LT(line.lists, 10 * workers);
    line.pass(23 * 3'600);
    line.gets = line.lists = 0;
    line.pass(3'600);
    EXPECT_LE(line.gets, 2 * workers);
    EXPECT_GE(line.gets, workers / 2);
    EXPECT_LE(line.lists, 2 * workers);
}

TEST(FetchPlan, TheDeadDoNotHoldUpTheLiving) {
    std::map<std::string, std::int64_t> cursors;
    for (int worker = 0; worker < 3'000; ++worker) cursors["gone-" + std::to_string(worker)] = 5;
    Line line(cursors);
    line.plan.add("new", line.now_s);
    line.put("new", 0, 63);
    line.trips(15);
    EXPECT_NE(line.handed_out.find("new63 "), std::string::npos) << line.handed_out;
    EXPECT_GT(line.gets, 64u) << "and the living not the dead";
}

TEST(FetchPlan, NobodyIsFoundLaterThanAfterAnEighthOfTheirSilence) {
    for (const double silence_s : {5.0, 40.0, 800.0, 7'200.0, 30'000.0, 90'000.0}) {
        Line line;
        line.plan.add("a", line.now_s);
        line.pass(silence_s);
        line.put("a", 0, 0);
        const double wait_s = std::clamp(silence_s / 8, kPoll_s, 3'600.0);
        line.pass(wait_s);
        EXPECT_EQ(line.take(), "a0 ") << silence_s << " s";
    }
}

TEST(FetchPlan, ARingThatNamesAWorkerIsHeardAtOnce) {
    Line line({{"a", 5}, {"b", 5}});
    line.pass(50'000);
    line.put("a", 5, 5);
    line.plan.rung("a", line.now_s);
    line.gets = 0;
    line.settle();
    EXPECT_EQ(line.take(), "a5 ");
    EXPECT_EQ(line.gets, 2u) << "its next one, and nobody else's";
    line.plan.rung("stranger", line.now_s);
    line.settle();
    EXPECT_EQ(line.gets, 2u);
}

TEST(FetchPlan, ARingWhileTheAskIsUnderWayIsNotLost) {
    Line line({{"a", 0}});
    const std::vector<GameAsk> asks = line.ask_all();
    line.plan.rung("a", line.now_s);  // the bucket looked before the group was there
    for (const GameAsk& ask : asks) line.answer(ask);
    line.put("a", 0, 0);
    line.settle();
    EXPECT_EQ(line.take(), "a0 ");
}

TEST(FetchPlan, ARingWithoutANameIsForTheRecentlyAlive) {
    Line line({{"gone", 5}});
    line.pass(50'000);
    line.plan.add("alive", line.now_s);
    line.pass(300);
    line.gets = 0;
    line.plan.rung("", line.now_s);
    line.settle();
    EXPECT_EQ(line.gets, 1u);
    line.put("alive", 0, 0);
    line.plan.rung("", line.now_s);
    line.settle();
    EXPECT_EQ(line.take(), "alive0 ");
}

TEST(FetchPlan, AGapIsPassedOverWhenALaterOneIsThereForSoLong) {
    Line line;
    line.plan.add("a", line.now_s);
    line.put("a", 0, 4);
    line.put("a", 6, 9);
    line.trips(5);
    EXPECT_EQ(line.take(), "a0 a1 a2 a3 a4 ");
    line.pass(kGap_s - 0.01);
    EXPECT_EQ(line.take(), "");
    line.pass(0.01);
    EXPECT_EQ(line.take(), "a5! a6 a7 a8 a9 ");
    line.put("a", 5, 5);  // too late: its number is decided
    line.put("a", 10, 10);
    line.pass(1'000);
    EXPECT_EQ(line.take(), "a10 ");
}

TEST(FetchPlan, AGapAtTheEndIsFoundByListing) {
    Line line;
    line.plan.add("a", line.now_s);
    line.put("a", 0, 0);
    line.pass(20);
    line.put("a", 2, 2);  // of four written at once, by one who was killed
    EXPECT_EQ(line.lists, 0u);
    line.pass(kGap_s / 2 + kGap_s - 20 + 0.01);
    EXPECT_EQ(line.take(), "a0 a1! a2 ");
}

TEST(FetchPlan, OneThatIsOnlyLateIsWaitedFor) {
    Line line;
    line.plan.add("a", line.now_s);
    line.put("a", 0, 1);
    line.put("a", 3, 3);
    line.pass(kGap_s - 20);
    line.put("a", 2, 2);
    line.pass(kGap_s / 8);
    EXPECT_EQ(line.take(), "a0 a1 a2 a3 ");
}

TEST(FetchPlan, EveryGapIsCountedFromTheSightOfSomethingBeyondIt) {
    Line line({{"a", 0}});
    line.put("a", 1, 1);
    line.pass(kGap_s);
    line.put("a", 3, 3);  // 2 is no older than this
    line.pass(kGap_s / 2 + 0.01);
    EXPECT_EQ(line.take(), "a0! a1 ");
    line.pass(kGap_s + kGap_s / 2);
    EXPECT_EQ(line.take(), "a2! a3 ");
}

TEST(FetchPlan, ManyThatWereRemovedTakeNoLongerThanOne) {
    Line line({{"a", 100}});
    line.put("a", 400, 401);
    line.pass(kGap_s / 2 + kGap_s + 0.01);
    EXPECT_NE(line.handed_out.find("a399! a400 a401 "), std::string::npos) << line.handed_out;
    EXPECT_EQ(std::count(line.handed_out.begin(), line.handed_out.end(), '!'), 300);
}

TEST(FetchPlan, AStrayObjectFarAwayMakesNoGap) {
    Line line({{"a", 0}});
    line.put("a", 0, 3);
    line.put("a", 5'000, 5'000);
    line.pass(10 * kGap_s);
    EXPECT_EQ(line.take(), "a0 a1 a2 a3 ");
}

TEST(FetchPlan, AnOutageBeginsTheWaitAnew) {
    Line line({{"a", 0}});
    line.put("a", 1, 1);
    line.pass(kGap_s / 2 + 1);  // listed
    ASSERT_EQ(line.lists, 1u);
    line.now_s += kGap_s;  // nobody could be reached meanwhile
    const std::vector<GameAsk> asks = line.ask_all(1);
    ASSERT_EQ(asks.size(), 1u);
    line.plan.unanswered(asks[0], line.now_s);
    EXPECT_TRUE(line.ask_all().empty()) << "for one poll";
    line.pass(kGap_s - 0.01);
    EXPECT_EQ(line.take(), "");
    line.pass(0.01);
    EXPECT_EQ(line.take(), "a0! a1 ");
}

// Any order of answers, any failures, any room: what is handed out is every number once, in order,
// never more than there is room for, and it does not stand still.
TEST(FetchPlan, WhateverHappensEveryNumberIsDecidedOnceAndInOrder) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Random random(seed);
        Line line({{"a", 0}, {"b", 0}});
        line.plan.add("c", line.now_s);
        line.capacity = 1 + random() % 20;
        std::map<std::string, std::int64_t> next;
        for (const std::string worker : {"a", "b", "c"}) {
            line.put(worker, 0, 40);
            for (int lost = 0; lost < 3; ++lost)
                line.there[worker].erase(static_cast<std::int64_t>(random() % 40));
        }
        std::vector<GameAsk> under_way;
        for (int turn = 0; turn < 20'000; ++turn) {
            for (GameAsk& ask : line.ask_all(16 - under_way.size())) under_way.push_back(ask);
            ASSERT_LE(line.plan.groups(), line.capacity);
            if (under_way.empty()) {
                line.now_s = std::max(line.now_s, line.plan.next_due_s()) + 0.1;
                if (line.now_s > 1e5) break;
                continue;
            }
            std::swap(under_way[random() % under_way.size()], under_way.back());
            if (random() % 10 == 0)
                line.plan.unanswered(under_way.back(), line.now_s);
            else
                line.answer(under_way.back());
            under_way.pop_back();
        }
        EXPECT_EQ(line.plan.groups(), 0u);
        std::size_t begin = 0;
        for (std::size_t end; (end = line.handed_out.find(' ', begin)) != std::string::npos;
             begin = end + 1) {
            const std::string worker = line.handed_out.substr(begin, 1);
            const std::int64_t number = std::stoll(line.handed_out.substr(begin + 1));
            const bool is_refused = line.handed_out[end - 1] == '!';
            ASSERT_EQ(number, next[worker]++) << line.handed_out;
            ASSERT_EQ(is_refused, !line.there[worker].contains(number)) << line.handed_out;
        }
        for (const std::string worker : {"a", "b", "c"})
            EXPECT_EQ(next[worker], 41) << worker << ": " << line.handed_out;
    }
}

}  // namespace
}  // namespace dws
