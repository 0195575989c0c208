#include "sync/games/game_box.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <limits>
#include <mutex>

#include "base/clock.h"
#include "sync/doorbell.h"
#include "sync/games/game_hint.h"
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

// Some calls do not return until they may.
class HeldBucket final : public FaultyBucket {
public:
    ~HeldBucket() override { hold(""); }
    // Puts of keys that contain `part`, and listings of prefixes that do. Empty: none.
    void hold(const std::string& part) {
        std::scoped_lock lock(mutex_);
        part_ = part;
        changed_.notify_all();
    }
    std::size_t held() {
        std::scoped_lock lock(mutex_);
        return held_;
    }
    Result<PutOutcome> put_if_absent(std::string_view key,
                                     std::span<const std::byte> object) override {
        wait_for(key);
        return FaultyBucket::put_if_absent(key, object);
    }
    Result<std::vector<std::string>> list(std::string_view prefix, Listing what) override {
        wait_for(prefix);
        return FaultyBucket::list(prefix, what);
    }

private:
    void wait_for(std::string_view key) {
        std::unique_lock lock(mutex_);
        ++held_;
        changed_.wait(lock,
                      [&] { return part_.empty() || key.find(part_) == std::string_view::npos; });
        --held_;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::string part_;      // guarded by mutex_
    std::size_t held_ = 0;  // guarded by mutex_
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

TEST(GameOutbox, PutsFourAtOnce) {
    HeldBucket bucket;
    Random random{1};
    GameOutbox outbox(bucket, "run", "a", "", {});
    bucket.hold("games/a/");
    for (int group = 0; group < 4; ++group) ASSERT_TRUE(outbox.submit(random_group(random, 1), {}));
    EXPECT_TRUE(eventually([&] { return bucket.held() == 4; }));
    bucket.hold("");
    EXPECT_TRUE(outbox.flush({}));
    EXPECT_EQ(bucket.objects().size(), 4u);
}

TEST(GameOutbox, NoMoreThanThreeGoAheadOfOneThatIsNotThere) {
    HeldBucket bucket;
    Random random{1};
    GameOutbox outbox(bucket, "run", "a", "", {});
    bucket.hold("games/a/00000000");
    for (int group = 0; group < 4; ++group) ASSERT_TRUE(outbox.submit(random_group(random, 1), {}));
    ASSERT_TRUE(eventually([&] { return bucket.objects().size() == 3; }));
    std::this_thread::sleep_for(milliseconds{20});
    EXPECT_FALSE(outbox.has_room()) << "three are there, but they count";
    bucket.hold("");
    EXPECT_TRUE(outbox.submit(random_group(random, 1), {}));
    EXPECT_TRUE(outbox.flush({}));
    EXPECT_EQ(bucket.objects().size(), 5u);
}

TEST(GameOutbox, ATakenNumberEndsTheUploadsBesideIt) {
    Box box;
    ASSERT_TRUE(box.bucket.put(game_key("run", "a", 2), {}));
    GameOutbox outbox = box.outbox("a");
    int submitted = 0;
    while (submitted < 100 && outbox.submit(random_group(box.random, 1), {})) ++submitted;
    EXPECT_LE(submitted, 6) << "three ahead of number 2";
    EXPECT_FALSE(outbox.flush({}));
    EXPECT_EQ(box.faults.count("superseded"), 1u) << box.faults.all();
}

TEST(GameOutbox, GoesOnWhenTheBucketIsBack) {
    Box box;
    box.bucket.set_unreachable(true);
    GameOutbox outbox = box.outbox("a");
    for (int group = 0; group < 4; ++group)
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
    EXPECT_LE(order.rfind('b'), 8u) << order;
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

TEST(GameInbox, AsksTheLongDeadSeldomAndHearsANewOne) {
    Box box;
    std::map<std::string, std::int64_t> cursors;
    for (int worker = 0; worker < 100; ++worker) cursors["gone-" + std::to_string(worker)] = 5;
    GameInbox inbox = box.inbox(cursors);
    ASSERT_TRUE(eventually([&] {
        const FaultyBucket::Counts counts = box.bucket.counts();
        return counts.lists >= 100 && counts.gets >= 100;
    }));
    EXPECT_EQ(box.bucket.counts().gets, 100) << "once each at the start; then after 7.5 s";
    box.send("new", 1);
    EXPECT_EQ(Box::next(inbox).worker, "new");
}

TEST(GameInbox, ManyGetsAreUnderWayAtOnce) {
    Box box;
    box.send("a", 100);
    box.bucket.set_delay(milliseconds{10});
    const Stopwatch watch;
    GameInbox inbox = box.inbox({}, 32);
    for (int group = 0; group < 100; ++group) ASSERT_EQ(Box::next(inbox).number, group);
    EXPECT_LT(watch.ms(), 500) << "1,000 one after another";
}

TEST(GameInbox, AListingThatTakesLongHoldsUpNoGroup) {
    HeldBucket bucket;
    Random random{1};
    GameOutbox outbox(bucket, "run", "a", "", {});
    ASSERT_TRUE(outbox.submit(random_group(random, 1), {}));
    ASSERT_TRUE(outbox.flush({}));
    GameInbox inbox(bucket, "run", {}, "", milliseconds{5}, 8, {});
    EXPECT_EQ(inbox.pop({})->number, 0);
    bucket.hold("run/games/");
    ASSERT_TRUE(eventually([&] { return bucket.held() == 1; }));
    GameGroup group = random_group(random, 1);
    group.worker = "a";
    group.number = 1;
    ASSERT_TRUE(bucket.put(game_key("run", "a", 1), encode_group(group)));
    EXPECT_EQ(inbox.pop({})->number, 1);
    bucket.hold("");
}

TEST(GameInbox, OneThatNeverComesIsRefusedAndTheNextAreRead) {
    Box box;
    box.send("a", 4);
    const Bytes late = box.bucket.objects().at(game_key("run", "a", 1));
    ASSERT_TRUE(box.bucket.remove(game_key("run", "a", 1)));
    const Stopwatch watch;
    GameInbox inbox(box.bucket, "run", {}, "", milliseconds{5}, 8, box.note(), {},
                    milliseconds{100});
    EXPECT_EQ(Box::next(inbox).number, 0);
    const ReceivedGroup lost = Box::next(inbox);
    EXPECT_GE(watch.ms(), 100);
    EXPECT_EQ(lost.number, 1);
    EXPECT_FALSE(lost.group);
    ASSERT_TRUE(lost.error);
    EXPECT_EQ(lost.error->fault, Fault::missing);
    EXPECT_EQ(lost.error->detail, "group 1 of worker a was never finished or has been removed");
    ASSERT_TRUE(box.bucket.put(game_key("run", "a", 1), late));
    for (const std::int64_t number : {2, 3}) {
        const ReceivedGroup next = Box::next(inbox);
        EXPECT_EQ(next.number, number);
        EXPECT_TRUE(next.group);
    }
    std::this_thread::sleep_for(milliseconds{50});
    EXPECT_EQ(inbox.waiting(), 0u) << "nor is it trained when it comes after all";
}

TEST(GameInbox, AGapBehindWhichAWorkerWasKilledIsFoundByListing) {
    Box box;
    GameInbox inbox(box.bucket, "run", {{"a", 0}}, "", milliseconds{5}, 8, box.note(), {},
                    milliseconds{100});
    GameGroup group = random_group(box.random, 1);
    group.worker = "a";
    group.number = 3;
    ASSERT_TRUE(box.bucket.put(game_key("run", "a", 3), encode_group(group)));
    ASSERT_TRUE(box.bucket.put("run/games/a/00000004.part", {}));
    for (const std::int64_t number : {0, 1, 2, 3}) {
        const ReceivedGroup next = Box::next(inbox);
        EXPECT_EQ(next.number, number);
        EXPECT_EQ(next.group.has_value(), number == 3);
    }
}

TEST(GameInbox, AWorkersRingIsHeardAlsoAfterALongSilence) {
    Box box;
    DoorbellBroker broker("tcp://127.0.0.1:*", "tcp://127.0.0.1:*", {});
    DoorbellRinger ringer(broker.inside_endpoint());
    std::jthread ringing([&](std::stop_token stop) { broker.run(stop); });
    // No poll within the test: whatever is found is found by a ring.
    GameInbox inbox(box.bucket, "run", {{"a", 0}, {"b", 0}}, broker.outside_endpoint(),
                    milliseconds{600'000}, 8, box.note());
    ASSERT_TRUE(eventually([&] { return box.bucket.counts().gets == 2; }));
    box.send("a", 2);
    box.send("new", 1);
    const auto ring_for = [&](const std::string& worker) {
        return eventually([&] {
            ringer.ring("games", game_hint(worker, 0));
            std::this_thread::sleep_for(milliseconds{2});
            return inbox.waiting() > 0;
        });
    };
    for (const std::string worker : {"a", "new"}) {
        ASSERT_TRUE(ring_for(worker)) << worker;
        EXPECT_EQ(Box::next(inbox).worker, worker);
        if (worker == "a") {
            EXPECT_EQ(Box::next(inbox).number, 1);
        }
    }
    EXPECT_EQ(box.bucket.gets_of(game_key("run", "b", 0)), 1) << "nobody rang for it";
}

TEST(GameBox, TheOutboxRingsWithTheWorkersName) {
    Box box;
    DoorbellBroker broker("tcp://127.0.0.1:*", "tcp://127.0.0.1:*", {});
    std::jthread ringing([&](std::stop_token stop) { broker.run(stop); });
    DoorbellListener listener(broker.outside_endpoint(), "games");
    GameOutbox outbox(box.bucket, "run", "w-1", broker.inside_endpoint(), box.note());
    std::vector<std::string> hints;
    ASSERT_TRUE(eventually([&] {
        EXPECT_TRUE(outbox.submit(random_group(box.random, 1), {}));
        hints = listener.hear(milliseconds{5}, {});
        return !hints.empty();
    }));
    EXPECT_EQ(worker_of_hint(hints[0]), "w-1") << hints[0];
    EXPECT_EQ(worker_of_hint("group 7"), "");
    EXPECT_EQ(worker_of_hint(""), "");
    EXPECT_EQ(worker_of_hint("of"), "");
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
