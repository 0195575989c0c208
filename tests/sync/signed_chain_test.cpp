// Reading and writing a log where a key is pinned.
#include <gtest/gtest.h>

#include "tests/support/signed_log.h"

namespace dws {
namespace {

TEST(SignedChain, IsTakenByWhoPinsTheKeyAndByWhoPinsNobody) {
    SignedLog log;
    log.write(3);
    expect_whole(log, log.trust());
    expect_whole(log, {});
    ChainReader reader(log.bucket, log.run, log.trust());
    ASSERT_TRUE(reader.next());
    EXPECT_EQ(reader.last_signer(), log.trainer.shared().id());
    EXPECT_EQ(reader.position().signer, log.trainer.shared());
    EXPECT_EQ(reader.jump_signers(), std::vector{log.trainer.shared()});
}

TEST(SignedChain, WhoPinsNobodyTakesAnUnsignedLog) {
    SignedLog log;
    log.write(2, std::nullopt);
    expect_whole(log, {});
    ChainReader reader(log.bucket, log.run);
    ASSERT_TRUE(reader.next());
    EXPECT_EQ(reader.last_signer(), "");
    EXPECT_TRUE(reader.jump_signers().empty());
}

TEST(SignedChain, RefusesAnUnsignedRecordWhereverItStands) {
    SignedLog log;
    log.write(0, std::nullopt);
    expect_refused(log, log.trust(), 0, "is not signed; it must be by key");
    SignedLog later;
    later.write(2);
    later.write(1, std::nullopt);
    expect_refused(later, later.trust(), 3, "is not signed");
}

TEST(SignedChain, RefusesARecordOfAnotherKey) {
    SignedLog log;
    log.write(2);
    const Identity stranger = Identity::generate();
    log.write(1, stranger);
    expect_refused(log, log.trust(), 3, "is signed by key " + stranger.shared().id());
}

TEST(SignedChain, RefusesASignatureTakenFromAnotherRecord) {
    SignedLog log;
    log.write(2);
    log.write(1, std::nullopt);
    const std::string before(text_of(log.stored(2)));
    std::string forged(text_of(log.stored(3)));
    const std::string end = R"("signatures":[]})";
    forged.replace(forged.find(end), end.size(), before.substr(before.find(R"("signatures")")));
    const auto bytes = bytes_of(forged);
    log.store(3, Bytes(bytes.begin(), bytes.end()));
    expect_refused(log, log.trust(), 3, "is not what key");
}

TEST(SignedChain, RefusesAReplayOfItsOwnRecords) {
    SignedLog log;
    log.write(3);
    log.store(4, log.stored(2));  // repeated
    expect_refused(log, log.trust(), 4, "stands where record 4 belongs");
    SignedLog other;
    other.write(3);
    other.store(2, other.stored(3));  // one left out
    std::uint64_t taken = 0;
    const Error error = first_refusal(other.bucket, other.run, other.trust(), &taken);
    EXPECT_EQ(error.fault, Fault::untrusted);
    EXPECT_EQ(taken, 2u);
}

// The trainer signs two runs; a record of one is no record of the other.
TEST(SignedChain, RefusesARecordOfAnotherRunOfTheSameTrainer) {
    SignedLog log;
    log.write(2);
    ChainWriter other(log.bucket, "other", {}, 1, log.trainer);
    ASSERT_TRUE(other.commit(anchor_draft(0, {{1, 1}})));
    log.store(0, log.bucket.objects().at(log_key("other", 0)));
    expect_refused(log, log.trust(), 0, "is of run other, not run");
}

TEST(SignedChain, RefusesAForkOfItsOwnRun) {
    SignedLog log;
    log.write(2);
    SignedLog fork;  // the same trainer, writing the run anew
    ChainWriter writer(fork.bucket, fork.run, {}, 1, log.trainer);
    ASSERT_TRUE(writer.commit(anchor_draft(0, {{1, 1}})));
    ASSERT_TRUE(writer.commit(delta_draft(0, 1)));
    log.store(1, fork.stored(1));
    expect_refused(log, log.trust(), 1, "names previous record");
}

TEST(SignedChain, EveryFlippedBitOfARecordIsRefused) {
    SignedLog log;
    log.write(1);
    const std::string key = log_key(log.run, 1);
    std::size_t untrusted = 0;
    for (std::size_t bit = 0; bit < 8 * log.stored(1).size(); bit += 5) {
        log.bucket.flip(key, bit);
        std::uint64_t taken = 0;
        const Error error = first_refusal(log.bucket, log.run, log.trust(), &taken);
        ASSERT_EQ(taken, 1u) << bit;
        ASSERT_TRUE(error.fault == Fault::corrupt || error.fault == Fault::untrusted) << bit;
        untrusted += error.fault == Fault::untrusted;
    }
    EXPECT_GT(untrusted, 100u);
    log.bucket.heal(key);
    expect_whole(log, log.trust());
}

// A bucket that flips one bit of the first answer for a key.
class FlickeringBucket final : public FaultyBucket {
public:
    Result<Bytes> get(std::string_view key, ByteRange range) override {
        Result<Bytes> bytes = FaultyBucket::get(key, range);
        if (bytes && gets_of(std::string(key)) == 1) (*bytes)[200] ^= std::byte{1};
        return bytes;
    }
};

TEST(SignedChain, BytesDamagedOnTheWayAreReadAgain) {
    const Identity trainer = Identity::generate();
    FlickeringBucket bucket;
    ChainWriter writer(bucket, "run", {}, 1, trainer);
    ASSERT_TRUE(writer.commit(anchor_draft(0, {{1, 1}})));
    ChainReader reader(bucket, "run", {.log = trainer.shared()});
    const Result<Record> record = reader.next();
    if (!record) {
        EXPECT_EQ(record.error().fault, Fault::corrupt) << "then it is asked for again";
    }
    EXPECT_TRUE(record || reader.next());
}

TEST(SignedChain, AWriterWithAnotherKeySendsNothing) {
    SignedLog log;
    log.write(1);
    ChainReader reader(log.bucket, log.run, log.trust());
    while (reader.next()) continue;
    const int puts = log.bucket.counts().puts;
    for (const std::optional<Identity>& signer :
         {std::optional<Identity>(), std::optional(Identity::generate())}) {
        ChainWriter writer(log.bucket, log.run, reader.position(), 2, signer);
        const Result<Record> record = writer.commit(Record{});
        ASSERT_FALSE(record);
        EXPECT_EQ(record.error().fault, Fault::untrusted);
        EXPECT_NE(record.error().detail.find("another key than the log"), std::string::npos)
            << record.error().detail;
        EXPECT_FALSE(writer.is_in_doubt());
    }
    EXPECT_EQ(log.bucket.counts().puts, puts);
    ChainWriter sound(log.bucket, log.run, reader.position(), 2, log.trainer);
    EXPECT_TRUE(sound.commit(Record{}));
}

TEST(SignedChain, AWriterTellsAStrangersRecordFromAnotherTrainers) {
    SignedLog log;
    log.write(1);
    const ChainPosition before = log.position;
    log.write(1, std::nullopt);
    ChainWriter writer(log.bucket, log.run, before, 1, log.trainer);
    const Result<Record> stranger = writer.commit(delta_draft(1, 2));
    ASSERT_FALSE(stranger);
    EXPECT_EQ(stranger.error().fault, Fault::untrusted);
    EXPECT_NE(stranger.error().detail.find("written by a stranger: record 2"), std::string::npos)
        << stranger.error().detail;
    SignedLog own;
    own.write(1);
    const ChainPosition at = own.position;
    own.write(1);
    ChainWriter late(own.bucket, own.run, at, 1, own.trainer);
    EXPECT_EQ(late.commit(delta_draft(1, 2)).error().fault, Fault::superseded);
}

TEST(SignedChain, ALostAnswerIsSettledBySameSignedBytes) {
    SignedLog log;
    log.write(0);
    ChainWriter writer(log.bucket, log.run, log.position, 1, log.trainer);
    log.bucket.lose_answer_of("/log/");
    ASSERT_FALSE(writer.commit(delta_draft(0, 1)));
    ASSERT_TRUE(writer.is_in_doubt());
    EXPECT_TRUE(writer.settle());
    expect_refused(log, {.log = Identity::generate().shared()}, 0, "is signed by key");
    EXPECT_EQ(first_refusal(log.bucket, log.run, log.trust()).fault, Fault::missing);
}

}  // namespace
}  // namespace dws
