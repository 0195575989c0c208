#include "sync/upkeep/jump_writer.h"

#include <gtest/gtest.h>

#include "tests/support/faulty_bucket.h"
#include "tests/support/walking_run.h"

namespace dws {
namespace {

constexpr std::size_t kWords = kTileWords;
constexpr float kLearningRate = 2e-6f;
const JumpWriterOptions kOptions{.run = "run", .retry_wait_s = 0.01, .fault = {}};

// What the trainer's log says of a version decides, not what is in memory.
TEST(JumpWriter, WordsThatAreNotTheVersionsAreNotOffered) {
    FaultyBucket bucket;
    WalkingRun run(bucket, kWords, kLearningRate, 13);
    const Bytes base = run.words();
    run.publish(1);
    const LoggedRecord target{run.records.back(), std::string(64, '1')};
    JumpWriter writer(bucket, run.table, kOptions);
    for (const bool is_base_damaged : {true, false}) {
        Bytes before = base;
        Bytes after = run.words();
        (is_base_damaged ? before : after)[1'000] ^= std::byte{1};
        if (is_base_damaged) after[1'000] = before[1'000];  // a word that does not change
        const auto written = writer.write_fold(target, 0, before, after, UINT64_MAX, {});
        ASSERT_FALSE(written);
        EXPECT_EQ(written.error().fault, Fault::corrupt);
        const auto anchor = writer.write_anchor(target, after, {});
        ASSERT_FALSE(anchor);
        EXPECT_EQ(anchor.error().fault, Fault::corrupt);
    }
    EXPECT_TRUE(bucket.list("run/jumps/", Listing::objects)->empty());
}

TEST(JumpWriter, AFoldOfMoreThanItMayTakeIsNotSent) {
    FaultyBucket bucket;
    WalkingRun run(bucket, kWords, kLearningRate, 14);
    Bytes base = run.words();
    const Bytes before = base;
    run.publish(1);
    const LoggedRecord target{run.records.back(), std::string(64, '1')};
    JumpWriter writer(bucket, run.table, kOptions);
    const std::uint64_t bytes = run.records.back().objects.front().size_bytes;
    const int puts = bucket.counts().puts;
    const auto declined = writer.write_fold(target, 0, base, run.words(), bytes - 1, {});
    ASSERT_TRUE(declined);
    EXPECT_FALSE(*declined);
    EXPECT_EQ(bucket.counts().puts, puts);
    EXPECT_EQ(base, before);
    const auto written = writer.write_fold(target, 0, base, run.words(), bytes, {});
    ASSERT_TRUE(written);
    ASSERT_TRUE(*written);
    EXPECT_EQ((*written)->bytes, bytes);
    EXPECT_EQ(base, run.words());
}

}  // namespace
}  // namespace dws
