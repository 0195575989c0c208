#include "experiments/netns/link_queue.h"

#include <gtest/gtest.h>

#include <cstddef>

namespace dws {
namespace {

Packet packet(int mark) { return Packet(1, static_cast<std::byte>(mark)); }

TEST(LinkQueue, APacketArrivesAfterTheDelayAndNotBefore) {
    LinkQueue queue({.delay_ms = 25});
    ASSERT_TRUE(queue.push(10, packet(7), 1500));
    EXPECT_NEAR(queue.next_due_s().value(), 10.025, 1e-9);
    EXPECT_FALSE(queue.pop(10.0249).has_value());
    EXPECT_EQ(queue.pop(10.0251), packet(7));
    EXPECT_FALSE(queue.next_due_s().has_value());
}

TEST(LinkQueue, PacketsLeaveOneAfterAnotherAtTheRate) {
    LinkQueue queue({.delay_ms = 0, .megabit_per_s = 12});  // 1,500 bytes a millisecond
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue.push(1, packet(i), 1500));
    EXPECT_EQ(queue.pop(1.00101), packet(0));
    EXPECT_FALSE(queue.pop(1.0019).has_value());
    EXPECT_EQ(queue.pop(1.00301), packet(1));
    EXPECT_EQ(queue.pop(1.00301), packet(2));
}

TEST(LinkQueue, AnIdleLinkSavesNothingUp) {
    LinkQueue queue({.megabit_per_s = 12});
    ASSERT_TRUE(queue.push(1, packet(0), 1500));
    ASSERT_TRUE(queue.push(5, packet(1), 1500));
    EXPECT_NEAR(queue.next_due_s().value(), 1.001, 1e-9);
    ASSERT_TRUE(queue.pop(5).has_value());
    EXPECT_NEAR(queue.next_due_s().value(), 5.001, 1e-9);
}

TEST(LinkQueue, WithoutARatePacketsWaitForTheDelayAlone) {
    LinkQueue queue({.delay_ms = 1, .megabit_per_s = 0});
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(queue.push(1, packet(i), 1 << 20));
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(queue.pop(1.0010001).has_value());
}

TEST(LinkQueue, AFullQueueDropsWhatComesAndKeepsWhatIsThere) {
    LinkQueue queue({.megabit_per_s = 12, .queue_ms = 2});
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue.push(1, packet(i), 1500)) << i;  // waits 0, 1, 2
    EXPECT_FALSE(queue.push(1, packet(3), 1500));
    EXPECT_EQ(queue.counts().dropped, 1u);
    EXPECT_TRUE(queue.push(1.002, packet(4), 1500));  // one millisecond is left to wait
    for (const int mark : {0, 1, 2, 4}) EXPECT_EQ(queue.pop(2), packet(mark));
}

TEST(LinkQueue, CountsWhatArrivedAndHowLate) {
    LinkQueue queue({.delay_ms = 10});
    ASSERT_TRUE(queue.push(1, packet(0), 100));
    ASSERT_TRUE(queue.push(1, packet(1), 200));
    ASSERT_TRUE(queue.pop(1.0125).has_value());
    EXPECT_EQ(queue.counts().packets, 1u);
    EXPECT_EQ(queue.counts().bytes, 100u);
    EXPECT_NEAR(queue.counts().latest_ms, 2.5, 1e-6);
}

}  // namespace
}  // namespace dws
