#include "trainer_bridge/live_line.h"

#include <gtest/gtest.h>

#include "tests/support/records.h"
#include "tests/trainer_bridge/small_groups.h"

namespace dws {
namespace {

// Version and step of an anchor and its deltas; the digest tells step and line apart.
Record record_of(std::uint64_t sequence, std::int64_t version, std::int64_t step, int line = 0) {
    Record record = version == 0 ? anchor_draft(0, {}) : delta_draft(version - 1, version);
    record.sequence = sequence;
    record.trainer_step = step;
    record.digest = {{static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(line)}};
    return record;
}

// Versions 0..5 at steps 0..5, then back to step 2, then step 3 in another way.
LiveLine rolled_back(std::uint64_t keep_from = 0) {
    LiveLine line(keep_from);
    for (std::int64_t step = 0; step <= 5; ++step) {
        line.add(record_of(static_cast<std::uint64_t>(step), step, step));
    }
    Record back = record_of(6, 6, 2);
    back.is_rollback = true;
    line.add(back);
    line.add(record_of(7, 7, 3, 1));
    return line;
}

std::vector<std::uint64_t> later(const LiveLine& line, std::int64_t step, int of_line = 0) {
    const auto place = line.find(
        0, step, {{static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(of_line)}});
    std::vector<std::uint64_t> sequences;
    if (!place) return {999};
    for (const Record* record : place->later) sequences.push_back(record->sequence);
    return sequences;
}

TEST(LiveLine, LeadsAroundWhatWasAbandoned) {
    const LiveLine line = rolled_back();
    EXPECT_EQ(later(line, 0), (std::vector<std::uint64_t>{1, 2, 6, 7}));
    EXPECT_EQ(later(line, 2), std::vector<std::uint64_t>{7}) << "the rollback's own record is it";
    EXPECT_EQ(later(line, 3, 1), std::vector<std::uint64_t>{});
}

TEST(LiveLine, DoesNotFindWhatWasAbandoned) {
    const LiveLine line = rolled_back();
    EXPECT_FALSE(line.find(0, 3, {{3, 0}}));
    EXPECT_FALSE(line.find(0, 5, {{5, 0}}));
    EXPECT_FALSE(line.find(0, 2, {{3, 0}})) << "another step's digest";
    EXPECT_FALSE(line.find(7, 2, {{2, 0}})) << "a checkpoint is no older than its record";
}

TEST(LiveLine, RemembersTheAbandonedVersions) {
    const LiveLine line = rolled_back(7);
    for (const std::int64_t version : {3, 4, 5}) EXPECT_TRUE(line.abandoned().hold(version));
    for (const std::int64_t version : {-1, 0, 2, 6, 7})
        EXPECT_FALSE(line.abandoned().hold(version));
    EXPECT_TRUE(line.abandoned().sampled(small_group({{1}, {0}}, 4)));
    EXPECT_FALSE(line.abandoned().sampled(small_group({{1}, {0}}, 2)));
}

// Back from version 7 to step 1: versions 2, 6 and 7 are abandoned now, too.
TEST(LiveLine, ASecondRollbackMayGoFurther) {
    LiveLine line = rolled_back();
    Record back = record_of(8, 8, 1);
    back.is_rollback = true;
    line.add(back);
    EXPECT_EQ(later(line, 0), (std::vector<std::uint64_t>{1, 8}));
    EXPECT_FALSE(line.find(0, 2, {{2, 0}}));
    for (std::int64_t version = 2; version <= 7; ++version) {
        EXPECT_TRUE(line.abandoned().hold(version)) << version;
    }
    EXPECT_FALSE(line.abandoned().hold(8));
}

TEST(LiveLine, ForgetsWhatNoCheckpointReachesBackTo) {
    const LiveLine line = rolled_back(6);
    EXPECT_FALSE(line.find(0, 1, {{1, 0}}));
    EXPECT_EQ(later(line, 2), std::vector<std::uint64_t>{7});
}

}  // namespace
}  // namespace dws
