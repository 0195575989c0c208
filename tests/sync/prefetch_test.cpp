#include "sync/prefetch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "tests/support/test_run.h"

namespace dws {
namespace {

using std::chrono::milliseconds;

std::vector<ObjectRef> objects(int first, int count) {
    std::vector<ObjectRef> list;
    for (int number = first; number < first + count; ++number)
        list.push_back({"objects/" + std::to_string(number), 1, ""});
    return list;
}

// A store whose object n is the byte n. Counts what is under way and how often each is asked for.
class SlowStore {
public:
    explicit SlowStore(milliseconds delay) : delay_(delay) {}

    std::atomic<int> most_at_once = 0;
    std::atomic<bool> is_away = false;

    Result<Bytes> fetch(const ObjectRef& object) {
        const int now = ++under_way_;
        {
            std::scoped_lock lock(mutex_);
            most_at_once = std::max(most_at_once.load(), now);
            ++asked_[object.key];
        }
        std::this_thread::sleep_for(delay_);
        --under_way_;
        if (is_away) return Error{Fault::missing, object.key};
        return Bytes(1, static_cast<std::byte>(std::stoi(object.key.substr(8))));
    }
    ObjectSource source() {
        return [this](const ObjectRef& object) { return fetch(object); };
    }
    int asked(const std::string& key) {
        std::scoped_lock lock(mutex_);
        return asked_[key];
    }
    int asked_in_all() {
        std::scoped_lock lock(mutex_);
        int sum = 0;
        for (const auto& [key, times] : asked_) sum += times;
        return sum;
    }

private:
    const milliseconds delay_;
    std::atomic<int> under_way_ = 0;
    std::mutex mutex_;
    std::map<std::string, int> asked_;  // guarded by mutex_
};

TEST(Prefetch, ObjectsComeInOrderAndOnceThoughFetchedSideBySide) {
    SlowStore store(milliseconds{5});
    Prefetch prefetch(store.source(), 4);
    const auto list = objects(0, 40);
    prefetch.expect(list);
    for (int number = 0; number < 40; ++number) {
        const Result<Bytes> bytes = prefetch.take(list[static_cast<std::size_t>(number)], {});
        ASSERT_TRUE(bytes);
        EXPECT_EQ(*bytes, Bytes(1, static_cast<std::byte>(number)));
    }
    EXPECT_EQ(store.asked_in_all(), 40);
    EXPECT_GE(store.most_at_once.load(), 2);
    EXPECT_LE(store.most_at_once.load(), 5) << "four ahead, and one by who takes";
}

TEST(Prefetch, NoMoreThanSoManyWaitInMemory) {
    SlowStore store(milliseconds{0});
    Prefetch prefetch(store.source(), 3);
    const auto list = objects(0, 10);
    prefetch.expect(list);
    ASSERT_TRUE(eventually([&] { return store.asked_in_all() == 3; }));
    std::this_thread::sleep_for(milliseconds{30});
    EXPECT_EQ(store.asked_in_all(), 3);
    ASSERT_TRUE(prefetch.take(list[0], {}));
    EXPECT_TRUE(eventually([&] { return store.asked_in_all() == 4; }));
}

TEST(Prefetch, ASingleObjectIsFetchedByWhoTakesIt) {
    SlowStore store(milliseconds{0});
    Prefetch prefetch(store.source(), 4);
    prefetch.expect(objects(7, 1));
    std::this_thread::sleep_for(milliseconds{10});
    EXPECT_EQ(store.asked_in_all(), 0);
    EXPECT_TRUE(prefetch.take(objects(7, 1)[0], {}));
    EXPECT_EQ(store.asked_in_all(), 1);
    EXPECT_TRUE(prefetch.take(objects(9, 1)[0], {})) << "what nobody announced";
}

TEST(Prefetch, AnotherRoadKeepsWhatItSharesAndDropsTheRest) {
    SlowStore store(milliseconds{0});
    Prefetch prefetch(store.source(), 2);
    prefetch.expect(objects(0, 3));
    ASSERT_TRUE(eventually([&] { return store.asked_in_all() == 2; }));
    prefetch.expect(objects(1, 4));
    for (const ObjectRef& object : objects(1, 4)) ASSERT_TRUE(prefetch.take(object, {}));
    EXPECT_EQ(store.asked("objects/1"), 1) << "it was here";
    EXPECT_EQ(store.asked_in_all(), 5);
}

TEST(Prefetch, AFaultIsToldToWhoTakesAndTriedAnewOnTheNextRoad) {
    SlowStore store(milliseconds{0});
    Prefetch prefetch(store.source(), 2);
    store.is_away = true;
    prefetch.expect(objects(0, 3));
    ASSERT_TRUE(eventually([&] { return store.asked_in_all() == 2; }));
    const Result<Bytes> fault = prefetch.take(objects(0, 1)[0], {});
    ASSERT_FALSE(fault);
    EXPECT_EQ(fault.error().fault, Fault::missing);
    ASSERT_TRUE(eventually([&] { return store.asked_in_all() == 3; }));
    store.is_away = false;
    prefetch.expect(objects(0, 3));
    for (const ObjectRef& object : objects(0, 3)) EXPECT_TRUE(prefetch.take(object, {}));
}

TEST(Prefetch, EndsWhileObjectsAreOnTheirWay) {
    SlowStore store(milliseconds{20});
    const Stopwatch watch;
    {
        Prefetch prefetch(store.source(), 4);
        prefetch.expect(objects(0, 100));
        ASSERT_TRUE(eventually([&] { return store.asked_in_all() > 0; }));
    }
    EXPECT_LE(store.asked_in_all(), 8);
    EXPECT_LT(watch.seconds(), 5);
}

TEST(Prefetch, AStopEndsTheWaitForAnObject) {
    SlowStore store(milliseconds{300});
    Prefetch prefetch(store.source(), 2);
    prefetch.expect(objects(0, 2));
    ASSERT_TRUE(eventually([&] { return store.asked("objects/0") == 1; }));
    std::stop_source stop;
    stop.request_stop();
    const Result<Bytes> bytes = prefetch.take(objects(0, 1)[0], stop.get_token());
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().fault, Fault::transport);
}

}  // namespace
}  // namespace dws
