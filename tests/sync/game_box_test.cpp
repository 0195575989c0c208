#include "sync/games/game_box.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/clock.h"
#include "sync/doorbell.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/random_games.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

using std::chrono::milliseconds;

struct Box {
    FaultyBucket bucket;
    Random random{1};
    Notes faults;

    std::function<void(const Error&)> note() {
        return [this](const Error& error) {
            faults.add(std::string(name_of(error.fault)) + ": " + error.detail);
        };
    }
    GameOutbox outbox(const std::string& worker) { return {bucket, "run", worker, "", note()}; }
    GameInbox inbox(std::map<std::string, std::int64_t> cursors, std::size_t capacity = 8) {
        return {bucket, "run", std::move(cursors), "", milliseconds{5}, capacity, note()};
    }
    void send(const std::string& worker, int groups) {
        GameOutbox sender = outbox(worker);
        for (int group = 0; group < groups; ++group)
            ASSERT_TRUE(sender.submit(random_group(random, 2), {}));
        ASSERT_TRUE(sender.flush({}));
    }
    static ReceivedGroup next(GameInbox& inbox) {
        std::optional<ReceivedGroup> group = inbox.pop({});
        return std::move(*group);
    }
};

TEST(GameOutbox, NumbersGroupsWithoutGaps) {
    Box box;
    box.send("a", 3);
    for (const int number : {0, 1, 2})
        EXPECT_TRUE(box.bucket.objects().contains(game_key("run", "a", number)));
    EXPECT_EQ(box.bucket.objects().size(), 3u);
}

TEST(GameOutbox, WaitsWhileFourAreOnTheirWay) {
    Box box;
    box.bucket.set_unreachable(true);
    GameOutbox outbox = box.outbox("a");
    for (int group = 0; group < 4; ++group)
        ASSERT_TRUE(outbox.submit(random_group(box.random, 1), {}));
    std::stop_source source;
    std::jthread stopper([&] {
        std::this_thread::sleep_for(milliseconds{50});
        source.request_stop();
    });
    EXPECT_FALSE(outbox.submit(random_group(box.random, 1), source.get_token()));
    EXPECT_FALSE(outbox.flush(source.get_token()));
    EXPECT_EQ(outbox.submitted(), 4);
}

TEST(GameOutbox, GoesOnWhenTheBucketIsBack) {
    Box box;
    box.bucket.set_unreachable(true);
    GameOutbox outbox = box.outbox("a");
    ASSERT_TRUE(outbox.submit(random_group(box.random, 1), {}));
    ASSERT_TRUE(eventually([&] { return box.faults.has("transport"); }));
    box.bucket.set_unreachable(false);
    EXPECT_TRUE(outbox.flush({}));
    EXPECT_EQ(box.faults.count("transport"), 1u);
}

TEST(GameOutbox, ALostAnswerIsNotAnotherWorker) {
    Box box;
    box.bucket.lose_answer_of("games/a/00000000");
    box.send("a", 2);
    EXPECT_EQ(box.faults.count(""), 1u);
    EXPECT_TRUE(box.faults.has("transport"));
}

TEST(GameOutbox, ATakenNameEndsIt) {
    Box box;
    box.send("a", 1);
    GameOutbox other = box.outbox("a");
    ASSERT_TRUE(other.submit(random_group(box.random, 1), {}));
    EXPECT_FALSE(other.flush({}));
    EXPECT_TRUE(box.faults.has("superseded"));
    EXPECT_FALSE(other.submit(random_group(box.random, 1), {}));
}

TEST(GameOutbox, AGroupThatMayNotTravelIsLeftOutAndToldOf) {
    Box box;
    GameOutbox outbox = box.outbox("a");
    GameGroup broken = random_group(box.random, 1);
    broken.games[0].logprobs[1] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(outbox.submit(broken, {}));
    EXPECT_EQ(outbox.submitted(), 0) << "it takes no number";
    EXPECT_TRUE(outbox.submit(random_group(box.random, 1), {}));
    EXPECT_TRUE(outbox.flush({}));
    EXPECT_TRUE(box.bucket.objects().contains(game_key("run", "a", 0)));
    EXPECT_EQ(box.faults.count("corrupt: group not sent: game 0 has a log-probability"), 1u)
        << box.faults.all();
}

TEST(GameInbox, EachWorkersGroupsComeInOrderAndNobodyStarves) {
    Box box;
    box.send("a", 10);
    box.send("b", 2);
    GameInbox inbox = box.inbox({}, 1);
    std::map<std::string, std::int64_t> next;
    std::string order;
    for (int group = 0; group < 12; ++group) {
        const ReceivedGroup received = Box::next(inbox);
        ASSERT_TRUE(received.group);
        EXPECT_EQ(received.number, next[received.worker]++);
        order += received.worker;
    }
    EXPECT_EQ(order, "aaaaaaaabbaa") << "eight at a time";
    EXPECT_EQ(inbox.workers(), 2u);
}

TEST(GameInbox, BeginsAtTheCursors) {
    Box box;
    box.send("a", 3);
    GameInbox inbox = box.inbox({{"a", 2}, {"gone", 7}});
    EXPECT_EQ(Box::next(inbox).number, 2);
    EXPECT_EQ(inbox.workers(), 2u);
}

TEST(GameInbox, FindsAWorkerThatComesLater) {
    Box box;
    GameInbox inbox = box.inbox({});
    std::this_thread::sleep_for(milliseconds{20});
    box.send("late", 1);
    EXPECT_EQ(Box::next(inbox).worker, "late");
}

TEST(GameInbox, HoldsNoMoreThanItsCapacity) {
    Box box;
    box.send("a", 10);
    GameInbox inbox = box.inbox({}, 3);
    ASSERT_TRUE(eventually([&] { return inbox.waiting() == 3; }));
    std::this_thread::sleep_for(milliseconds{30});
    EXPECT_EQ(inbox.waiting(), 3u);
    EXPECT_LE(box.bucket.counts().gets, 4 + 1);
}

TEST(GameInbox, AnUnreadableGroupIsHandedOnAsRefused) {
    Box box;
    box.send("a", 3);
    box.bucket.truncate(game_key("run", "a", 0), 50);
    const Bytes third = box.bucket.objects().at(game_key("run", "a", 2));
    ASSERT_TRUE(box.bucket.put(game_key("run", "a", 1), third));  // number 2 under number 1's key
    GameInbox inbox = box.inbox({});
    for (const std::int64_t number : {0, 1}) {
        const ReceivedGroup refused = Box::next(inbox);
        EXPECT_EQ(refused.number, number);
        EXPECT_FALSE(refused.group);
        ASSERT_TRUE(refused.error);
        EXPECT_EQ(refused.error->fault, Fault::corrupt);
    }
    EXPECT_TRUE(Box::next(inbox).group);
}

TEST(GameInbox, AnOutageIsToldOnceAndPasses) {
    Box box;
    box.bucket.set_unreachable(true);
    GameInbox inbox = box.inbox({});
    ASSERT_TRUE(eventually([&] { return box.bucket.counts().lists >= 5; }));
    EXPECT_EQ(box.faults.count("transport"), 1u);
    box.bucket.set_unreachable(false);
    box.send("a", 1);
    EXPECT_TRUE(Box::next(inbox).group);
}

TEST(GameInbox, StopEndsThePop) {
    Box box;
    GameInbox inbox = box.inbox({});
    std::stop_source source;
    std::jthread stopper([&] { source.request_stop(); });
    EXPECT_FALSE(inbox.pop(source.get_token()));
}

TEST(GameBox, BothEndPromptlyWhileTheBucketIsAway) {
    Box box;
    box.bucket.set_unreachable(true);
    const Stopwatch watch;
    {
        GameInbox inbox(box.bucket, "run", {}, "", milliseconds{600'000}, 4, box.note());
        GameOutbox outbox = box.outbox("a");
        ASSERT_TRUE(outbox.submit(random_group(box.random, 1), {}));
        ASSERT_TRUE(eventually([&] { return box.faults.count("transport") >= 2; }));
    }
    EXPECT_LT(watch.seconds(), 2);
}

TEST(GameInbox, EndsPromptlyWhenFull) {
    Box box;
    box.send("a", 4);
    const Stopwatch watch;
    {
        GameInbox inbox = box.inbox({}, 1);
        ASSERT_TRUE(eventually([&] { return inbox.waiting() == 1; }));
    }
    EXPECT_LT(watch.seconds(), 2);
}

TEST(GameInbox, AsksTheLongQuietSeldomAndHearsThemAgain) {
    Box box;
    std::map<std::string, std::int64_t> cursors;
    for (int worker = 0; worker < 100; ++worker) cursors["gone-" + std::to_string(worker)] = 5;
    GameInbox inbox = box.inbox(cursors);
    ASSERT_TRUE(eventually([&] { return box.bucket.counts().lists >= 20; }));
    const FaultyBucket::Counts before = box.bucket.counts();
    ASSERT_TRUE(eventually([&] { return box.bucket.counts().lists >= before.lists + 16; }));
    const FaultyBucket::Counts after = box.bucket.counts();
    const int rounds = after.lists - before.lists;
    EXPECT_LT(after.gets - before.gets, 100 * rounds / 4);
    EXPECT_GT(after.gets - before.gets, 100);
    box.send("new", 1);
    EXPECT_EQ(Box::next(inbox).worker, "new");
    GameGroup late = random_group(box.random, 1);
    late.worker = "gone-7";
    late.number = 5;
    ASSERT_TRUE(box.bucket.put(game_key("run", "gone-7", 5), encode_group(late)));
    EXPECT_EQ(Box::next(inbox).worker, "gone-7");
}

TEST(GameInbox, ARingIsHeardByTheLongQuietToo) {
    Box box;
    DoorbellBroker broker("tcp://127.0.0.1:*", "tcp://127.0.0.1:*", {});
    const std::string outside = broker.outside_endpoint();
    DoorbellRinger ringer(broker.inside_endpoint());
    std::jthread ringing([&](std::stop_token stop) { broker.run(stop); });
    GameInbox inbox(box.bucket, "run", {{"a", 0}, {"b", 0}}, outside, milliseconds{600'000}, 8,
                    box.note());
    // Every ring is a round, and every round asks both.
    ASSERT_TRUE(eventually([&] {
        ringer.ring("games", "nothing");
        std::this_thread::sleep_for(milliseconds{2});
        return box.bucket.counts().lists >= 40;
    }));
    const FaultyBucket::Counts counts = box.bucket.counts();
    EXPECT_GE(counts.gets, 2 * (counts.lists - 1));
}

TEST(GameInbox, MoreWorkersThanItFollowsAreToldOfOnce) {
    Box box;
    for (int worker = 0; worker <= 10'000; ++worker)
        ASSERT_TRUE(box.bucket.put("run/games/w" + std::to_string(worker) + "/x", {}));
    GameInbox inbox = box.inbox({});
    ASSERT_TRUE(eventually([&] { return box.bucket.counts().lists >= 3; }));
    EXPECT_EQ(inbox.workers(), 10'000u);
    EXPECT_EQ(box.faults.count("corrupt: run/games/ has more than 10000 workers"), 1u)
        << box.faults.all();
}

}  // namespace
}  // namespace dws
