#include "sync/chain.h"

#include <gtest/gtest.h>

#include "sync/sha256.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/records.h"

namespace dws {
namespace {

const std::string kRun = "run";

// A log of an anchor (version 0) and `deltas` deltas.
void write_log(Bucket& bucket, std::int64_t deltas) {
    ChainWriter writer(bucket, kRun, {}, 1);
    ASSERT_TRUE(writer.commit(anchor_draft(0, {{1, 1}})));
    for (std::int64_t version = 1; version <= deltas; ++version) {
        ASSERT_TRUE(writer.commit(delta_draft(version - 1, version)));
    }
}

ChainPosition position_after(Bucket& bucket, int records) {
    ChainReader reader(bucket, kRun);
    for (int record = 0; record < records; ++record) EXPECT_TRUE(reader.next());
    return reader.position();
}

// The record that would follow `position`, as a sound writer makes it.
Record next_delta(const ChainPosition& position) {
    Record record = delta_draft(position.version, position.version + 1);
    record.run = kRun;
    record.sequence = position.next_sequence;
    record.epoch = position.epoch;
    record.writer = "w";
    record.nonce = std::string(32, 'b');
    record.previous_sha256 = position.last_sha256;
    return record;
}

class Advance : public testing::Test {
protected:
    FaultyBucket bucket_;
    ChainPosition position_;

    void SetUp() override {
        write_log(bucket_, 2);
        position_ = position_after(bucket_, 3);
    }

    void expect_untrusted(const Record& record, const std::string& part_of_detail) {
        const Result<ChainPosition> next = advance(position_, kRun, record, std::string(64, '9'));
        ASSERT_FALSE(next) << part_of_detail;
        EXPECT_EQ(next.error().fault, Fault::untrusted);
        EXPECT_NE(next.error().detail.find(part_of_detail), std::string::npos)
            << next.error().detail;
    }
    // The record with one thing changed.
    template <class Bend>
    Record bent(const Bend& bend) {
        Record record = next_delta(position_);
        bend(record);
        return record;
    }
};

TEST_F(Advance, MovesThePosition) {
    Record record = next_delta(position_);
    record.games = {{"w1", 0, 3, {}, {}, {}}};
    const Result<ChainPosition> next = advance(position_, kRun, record, std::string(64, '9'));
    ASSERT_TRUE(next) << next.error().detail;
    EXPECT_EQ(next->next_sequence, 4u);
    EXPECT_EQ(next->last_sha256, std::string(64, '9'));
    EXPECT_EQ(next->version, 3);
    EXPECT_EQ(next->digest, record.digest);
    EXPECT_EQ(next->cursors, (std::map<std::string, std::int64_t>{{"w1", 3}}));
}

TEST_F(Advance, RefusesAnotherRun) {
    expect_untrusted(bent([](Record& record) { record.run = "other"; }), "run");
}
TEST_F(Advance, RefusesAGapAndARepetition) {
    expect_untrusted(bent([](Record& record) { ++record.sequence; }), "record 3");
    expect_untrusted(bent([](Record& record) { --record.sequence; }), "record 3");
}
TEST_F(Advance, RefusesTheWrongPredecessor) {
    expect_untrusted(bent([](Record& record) { record.previous_sha256 = std::string(64, '0'); }),
                     "previous");
}
TEST_F(Advance, RefusesAnEpochThatGoesBack) {
    position_.epoch = 3;
    expect_untrusted(bent([](Record& record) { record.epoch = 2; }), "back");
}
TEST_F(Advance, RefusesANewEpochWithoutItsRecord) {
    expect_untrusted(bent([](Record& record) { record.epoch = 2; }), "epoch record");
}
TEST_F(Advance, RefusesAnEpochRecordOfTheSameEpoch) {
    expect_untrusted(bent([](Record& record) { record.kind = RecordKind::epoch; }), "repeats");
}
TEST_F(Advance, RefusesADeltaFromAnotherVersion) {
    expect_untrusted(bent([](Record& record) { record.base_version = 1; }), "delta to version 1");
}
TEST_F(Advance, RefusesAVersionThatDoesNotGrow) {
    expect_untrusted(bent([](Record& record) { record.version = 2; }), "from 2 to 2");
    expect_untrusted(bent([](Record& record) {
                         record.kind = RecordKind::anchor;
                         record.version = 1;
                     }),
                     "from 2 to 1");
}
TEST_F(Advance, RefusesAnEndThatStatesAnotherVersionOrDigest) {
    expect_untrusted(bent([](Record& record) { record.kind = RecordKind::end; }), "version 3");
    expect_untrusted(bent([](Record& record) {
                         record.kind = RecordKind::end;
                         record.version = 2;
                     }),
                     "digest");
}
TEST_F(Advance, RefusesATrainerStepThatGoesBack) {
    expect_untrusted(bent([](Record& record) { record.trainer_step = 1; }), "trainer step");
}
TEST_F(Advance, RefusesCursorsWithGapsOrOverlaps) {
    position_.cursors = {{"w1", 5}};
    const auto with_games = [&](GamesConsumed games) {
        return bent([&](Record& record) { record.games = {games}; });
    };
    expect_untrusted(with_games({"w1", 6, 7, {}, {}, {}}), "w1");
    expect_untrusted(with_games({"w1", 4, 7, {}, {}, {}}), "w1");
    expect_untrusted(with_games({"new", 1, 7, {}, {}, {}}), "new");
    EXPECT_TRUE(advance(position_, kRun, with_games({"w1", 5, 7, {}, {}, {}}), {}));
}
TEST_F(Advance, AfterTheEndOnlyAnEpochRecordFollows) {
    position_.has_ended = true;
    expect_untrusted(next_delta(position_), "end");
    const Record epoch = bent([&](Record& record) {
        record.kind = RecordKind::epoch;
        record.epoch = 2;
        record.version = position_.version;
        record.digest = position_.digest;
    });
    const Result<ChainPosition> next = advance(position_, kRun, epoch, {});
    ASSERT_TRUE(next) << next.error().detail;
    EXPECT_FALSE(next->has_ended);
    EXPECT_EQ(next->epoch, 2u);
}
TEST_F(Advance, ALogBeginsWithEpochOneAndAnAnchorOrAnEpochRecord) {
    position_ = {};
    expect_untrusted(bent([](Record& record) { record.epoch = 1; }), "begins");
    expect_untrusted(bent([](Record& record) {
                         record.kind = RecordKind::anchor;
                         record.epoch = 2;
                     }),
                     "epoch 1");
    EXPECT_TRUE(advance(position_, kRun, bent([](Record& record) {
                            record.kind = RecordKind::anchor;
                            record.epoch = 1;
                        }),
                        {}));
}

TEST(ChainReader, FollowsALogAndThenFindsNothingMore) {
    FaultyBucket bucket;
    write_log(bucket, 3);
    ChainReader reader(bucket, kRun);
    for (std::int64_t version = 0; version <= 3; ++version) {
        const Result<Record> record = reader.next();
        ASSERT_TRUE(record) << record.error().detail;
        EXPECT_EQ(record->version, version);
    }
    const Result<Record> none = reader.next();
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().fault, Fault::missing);
    EXPECT_EQ(reader.position().next_sequence, 4u);
}

TEST(ChainReader, StandsStillAfterAFaultAndGoesOnWhenItIsHealed) {
    FaultyBucket bucket;
    write_log(bucket, 1);
    const std::string key = log_key(kRun, 1);
    ChainReader reader(bucket, kRun);
    ASSERT_TRUE(reader.next());

    bucket.truncate(key, 100);
    EXPECT_EQ(reader.next().error().fault, Fault::corrupt);
    bucket.heal(key);
    bucket.hide(key);
    EXPECT_EQ(reader.next().error().fault, Fault::missing);
    bucket.heal(key);
    bucket.set_unreachable(true);
    EXPECT_EQ(reader.next().error().fault, Fault::transport);
    bucket.set_unreachable(false);
    EXPECT_EQ(reader.position().next_sequence, 1u);
    EXPECT_TRUE(reader.next());
}

// Whatever bit of a record is wrong, its own form or the next record's hash of it tells.
TEST(ChainReader, AChangedRecordIsFoundAtTheLatestByTheNextOne) {
    FaultyBucket bucket;
    write_log(bucket, 1);
    const std::string key = log_key(kRun, 0);
    const std::size_t bits = 8 * bucket.objects().at(key).size();
    for (std::size_t bit = 0; bit < bits; bit += 3) {
        bucket.flip(key, bit);
        ChainReader reader(bucket, kRun);
        const Result<Record> first = reader.next();
        const Result<Record> second = first ? reader.next() : first;
        ASSERT_FALSE(second) << bit;
        EXPECT_TRUE(second.error().fault == Fault::corrupt ||
                    second.error().fault == Fault::untrusted);
        bucket.heal(key);
    }
}

TEST(ChainReader, RefusesAForkedLog) {
    FaultyBucket bucket;
    FaultyBucket fork;
    write_log(bucket, 2);
    write_log(fork, 2);
    const std::string key = log_key(kRun, 1);
    ASSERT_TRUE(bucket.put(key, fork.objects().at(key)));
    ChainReader reader(bucket, kRun);
    ASSERT_TRUE(reader.next());
    EXPECT_EQ(reader.next().error().fault, Fault::untrusted);
}

TEST(ChainReader, ReadsNoMoreThanARecordMayHave) {
    FaultyBucket bucket;
    ASSERT_TRUE(bucket.put(log_key(kRun, 0), Bytes(kMaxRecordBytes + 100)));
    ChainReader reader(bucket, kRun);
    EXPECT_EQ(reader.next().error().fault, Fault::corrupt);
}

}  // namespace
}  // namespace dws
