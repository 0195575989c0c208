// Reading a long log several records at a time: how many gets, how long, and that what is said of
// the records is what a reader without it would say.
#include "sync/records_ahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "tests/support/signed_log.h"

namespace dws {
namespace {

constexpr std::chrono::milliseconds kFarAway{100};

// Says how many gets were on their way at once.
class CrowdedBucket final : public FaultyBucket {
public:
    Result<Bytes> get(std::string_view key, ByteRange range) override {
        const int now = ++present_;
        for (int most = most_; most < now && !most_.compare_exchange_weak(most, now);) continue;
        Result<Bytes> bytes = FaultyBucket::get(key, range);
        --present_;
        return bytes;
    }
    int most() const { return most_; }

private:
    std::atomic<int> present_ = 0;
    std::atomic<int> most_ = 0;
};

void write_log(Bucket& bucket, std::int64_t deltas) {
    ChainWriter writer(bucket, "run", {}, 1);
    ASSERT_TRUE(writer.commit(anchor_draft(0, {{1, 1}})));
    for (std::int64_t version = 1; version <= deltas; ++version) {
        ASSERT_TRUE(writer.commit(delta_draft(version - 1, version)));
    }
}

TEST(RecordsAhead, ALongLogFarAwayIsReadSixteenRecordsAtATime) {
    CrowdedBucket bucket;
    write_log(bucket, 99);
    bucket.set_delay(kFarAway);
    ChainReader reader(bucket, "run");
    for (std::int64_t version = 0; version < 100; ++version) {
        const Result<Record> record = reader.next();
        ASSERT_TRUE(record) << record.error().detail;
        ASSERT_EQ(record->version, version);
    }
    EXPECT_EQ(bucket.most(), 16);
    EXPECT_EQ(reader.next().error().fault, Fault::missing);
}

TEST(RecordsAhead, NoRecordIsReadTwiceAndTheEndCostsOneRoundOfGets) {
    FaultyBucket bucket;
    write_log(bucket, 99);
    const int before = bucket.counts().gets;
    ChainReader reader(bucket, "run");
    while (reader.next()) continue;
    for (std::uint64_t sequence = 0; sequence < 100; ++sequence) {
        EXPECT_EQ(bucket.gets_of(log_key("run", sequence)), 1) << sequence;
    }
    EXPECT_LE(bucket.counts().gets - before, 100 + 16);
}

TEST(RecordsAhead, AtTheEndOfALiveLogEveryPollIsOneGet) {
    FaultyBucket bucket;
    write_log(bucket, 40);
    ChainReader reader(bucket, "run");
    while (reader.next()) continue;
    ChainWriter writer(bucket, "run", reader.position(), reader.position().epoch);
    for (std::int64_t version = 40; version < 80; ++version) {
        const int before = bucket.counts().gets;
        EXPECT_EQ(reader.next().error().fault, Fault::missing);
        EXPECT_EQ(bucket.counts().gets, before + 1);
        ASSERT_TRUE(writer.commit(delta_draft(version, version + 1)));
        ASSERT_TRUE(reader.next());
        EXPECT_EQ(bucket.counts().gets, before + 2);
    }
}

TEST(RecordsAhead, AFaultIsOfTheRecordWhoseTurnItIs) {
    FaultyBucket bucket;
    write_log(bucket, 99);
    bucket.hide(log_key("run", 30));
    bucket.truncate(log_key("run", 60), 50);
    ChainReader reader(bucket, "run");
    for (int record = 0; record < 30; ++record) ASSERT_TRUE(reader.next()) << record;
    EXPECT_EQ(reader.next().error().fault, Fault::missing);
    bucket.set_unreachable(true);
    EXPECT_EQ(reader.next().error().fault, Fault::transport);
    bucket.set_unreachable(false);
    bucket.heal(log_key("run", 30));
    for (int record = 30; record < 60; ++record) ASSERT_TRUE(reader.next()) << record;
    const Error torn = reader.next().error();
    EXPECT_EQ(torn.fault, Fault::corrupt);
    EXPECT_TRUE(torn.detail.starts_with(log_key("run", 60))) << torn.detail;
    bucket.heal(log_key("run", 60));
    for (int record = 60; record < 100; ++record) ASSERT_TRUE(reader.next()) << record;
    EXPECT_EQ(reader.next().error().fault, Fault::missing);
}

TEST(RecordsAhead, ARecordThatStaysUnsoundIsAskedForAloneAgain) {
    FaultyBucket bucket;
    write_log(bucket, 99);
    bucket.truncate(log_key("run", 50), 50);
    ChainReader reader(bucket, "run");
    for (int record = 0; record < 50; ++record) ASSERT_TRUE(reader.next()) << record;
    EXPECT_EQ(reader.next().error().fault, Fault::corrupt);
    const int before = bucket.counts().gets;
    for (int attempt = 0; attempt < 10; ++attempt) {
        EXPECT_EQ(reader.next().error().fault, Fault::corrupt);
    }
    EXPECT_EQ(bucket.counts().gets, before + 10);
}

TEST(RecordsAhead, ARefusalNamesTheRecordWhereverItStands) {
    for (const std::int64_t sound : {3, 8, 20, 21, 40}) {
        SignedLog log;
        log.write(sound);
        const Identity stranger = Identity::generate();
        log.write(1, stranger);
        log.write(30);
        expect_refused(log, log.trust(), static_cast<std::uint64_t>(sound) + 1,
                       "is signed by key " + stranger.shared().id());
    }
}

// Longer than what is kept of a record that is read ahead.
TEST(RecordsAhead, ALongRecordIsReadInItsTurn) {
    FaultyBucket bucket;
    ChainWriter writer(bucket, "run", {}, 1);
    ASSERT_TRUE(writer.commit(anchor_draft(0, {{1, 1}})));
    for (std::int64_t version = 1; version < 40; ++version) {
        Record draft = delta_draft(version - 1, version);
        for (int object = 0; version % 7 == 0 && object < 8'000; ++object) {
            draft.objects.push_back({"objects/delta-" + std::to_string(version) + "-" +
                                         std::to_string(object) + ".safetensors",
                                     1'000, std::string(64, 'a')});
        }
        ASSERT_TRUE(writer.commit(draft));
    }
    ASSERT_GT(bucket.objects().at(log_key("run", 7)).size(), std::size_t{1} << 20);
    ChainReader reader(bucket, "run");
    for (std::int64_t version = 0; version < 40; ++version) {
        const Result<Record> record = reader.next();
        ASSERT_TRUE(record) << record.error().detail;
        EXPECT_EQ(record->objects.size(), version > 0 && version % 7 == 0 ? 8'000u : 0u);
    }
}

TEST(RecordsAhead, OnceStoppedNothingIsReadAhead) {
    FaultyBucket bucket;
    write_log(bucket, 99);
    std::stop_source stop;
    ChainReader reader(bucket, "run");
    for (int record = 0; record < 4; ++record) ASSERT_TRUE(reader.next(stop.get_token()));
    stop.request_stop();
    const int before = bucket.counts().gets;
    ASSERT_TRUE(reader.next(stop.get_token()));
    EXPECT_EQ(bucket.counts().gets, before + 1);
}

}  // namespace
}  // namespace dws
