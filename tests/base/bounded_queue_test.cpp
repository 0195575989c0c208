#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

namespace dws {
namespace {

TEST(BoundedQueue, HandsItemsOnInOrder) {
    BoundedQueue<int> queue(2);
    EXPECT_TRUE(queue.push(1, {}));
    EXPECT_TRUE(queue.push(2, {}));
    EXPECT_EQ(queue.size(), 2u);
    EXPECT_EQ(queue.pop({}), 1);
    EXPECT_EQ(queue.pop({}), 2);
    EXPECT_EQ(queue.size(), 0u);
}

TEST(BoundedQueue, CarriesItemsThatOnlyMove) {
    BoundedQueue<std::unique_ptr<int>> queue(1);
    queue.push(std::make_unique<int>(7), {});
    EXPECT_EQ(**queue.pop({}), 7);
}

TEST(BoundedQueue, AFullQueueLetsTheProducerGoWhenStopped) {
    BoundedQueue<int> queue(1);
    queue.push(1, {});
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    EXPECT_FALSE(queue.push(2, stop.get_token()));
    EXPECT_EQ(queue.size(), 1u);
}

TEST(BoundedQueue, AnEmptyQueueLetsTheConsumerGoWhenStopped) {
    BoundedQueue<int> queue(1);
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    EXPECT_EQ(queue.pop(stop.get_token()), std::nullopt);
}

TEST(BoundedQueue, AFullQueueMakesTheProducerWaitForRoom) {
    BoundedQueue<int> queue(1);
    queue.push(1, {});
    std::jthread producer([&] { queue.push(2, {}); });
    EXPECT_EQ(queue.pop({}), 1);
    EXPECT_EQ(queue.pop({}), 2);
}

TEST(BoundedQueue, ManyThreadsLoseAndRepeatNothing) {
    constexpr int kThreads = 4, kEach = 500;
    BoundedQueue<int> queue(3);
    std::vector<std::vector<int>> taken(kThreads);
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < kThreads; ++thread) {
            threads.emplace_back([&, thread] {
                for (int i = 0; i < kEach; ++i) queue.push(thread * kEach + i, {});
            });
            threads.emplace_back([&, thread] {
                for (int i = 0; i < kEach; ++i)
                    taken[static_cast<std::size_t>(thread)].push_back(*queue.pop({}));
            });
        }
    }
    std::vector<int> all;
    for (const auto& part : taken) all.insert(all.end(), part.begin(), part.end());
    std::sort(all.begin(), all.end());
    std::vector<int> expected(kThreads * kEach);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(all, expected);
}

}  // namespace
}  // namespace dws
