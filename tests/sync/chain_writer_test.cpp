#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "sync/bucket/bucket_dir.h"
#include "sync/chain.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/records.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

const std::string kRun = "run";

ChainWriter begun_log(Bucket& bucket) {
    ChainWriter writer(bucket, kRun, {}, 1);
    EXPECT_TRUE(writer.commit(anchor_draft(0, {{1, 1}})));
    return writer;
}

TEST(ChainWriter, FillsInWhatTheWriterKnows) {
    FaultyBucket bucket;
    ChainWriter writer = begun_log(bucket);
    const Result<Record> delta = writer.commit(delta_draft(0, 1));
    ASSERT_TRUE(delta) << delta.error().detail;
    EXPECT_EQ(delta->run, kRun);
    EXPECT_EQ(delta->sequence, 1u);
    EXPECT_EQ(delta->epoch, 1u);
    EXPECT_EQ(delta->nonce.size(), 32u);
    EXPECT_FALSE(delta->writer.empty());
    EXPECT_GT(delta->created_unix_s, 1.7e9);
    EXPECT_EQ(writer.position().next_sequence, 2u);
}

TEST(ChainWriter, EpochAndEndRestateTheVersion) {
    FaultyBucket bucket;
    ChainWriter first = begun_log(bucket);
    ASSERT_TRUE(first.commit(delta_draft(0, 1)));
    Record end;
    end.kind = RecordKind::end;
    const Result<Record> ended = first.commit(end);
    ASSERT_TRUE(ended) << ended.error().detail;
    EXPECT_EQ(ended->version, 1);
    EXPECT_EQ(ended->digest, first.position().digest);
    EXPECT_TRUE(first.position().has_ended);

    ChainWriter second(bucket, kRun, first.position(), 2);
    const Result<Record> epoch = second.commit(Record{});
    ASSERT_TRUE(epoch) << epoch.error().detail;
    EXPECT_EQ(epoch->kind, RecordKind::epoch);
    EXPECT_TRUE(second.commit(delta_draft(1, 2)));

    ChainReader reader(bucket, kRun);
    for (int record = 0; record < 5; ++record) ASSERT_TRUE(reader.next());
    EXPECT_EQ(reader.position().last_sha256, second.position().last_sha256);
}

TEST(ChainWriter, ADraftNobodyWouldAcceptIsNotSent) {
    FaultyBucket bucket;
    ChainWriter writer = begun_log(bucket);
    const int puts = bucket.counts().puts;
    EXPECT_EQ(writer.commit(delta_draft(5, 6)).error().fault, Fault::untrusted);
    Record bad_key = delta_draft(0, 1);
    bad_key.objects = {{"../x", 1, std::string(64, '1')}};
    EXPECT_EQ(writer.commit(bad_key).error().fault, Fault::corrupt);
    EXPECT_EQ(bucket.counts().puts, puts);
    EXPECT_FALSE(writer.is_in_doubt());
    EXPECT_TRUE(writer.commit(delta_draft(0, 1)));
}

TEST(ChainWriter, ALostAnswerIsSettledByTheNonce) {
    FaultyBucket bucket;
    ChainWriter writer = begun_log(bucket);
    bucket.lose_answer_of("/log/");
    const Result<Record> lost = writer.commit(delta_draft(0, 1));
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().fault, Fault::transport);
    ASSERT_TRUE(writer.is_in_doubt());
    const Bytes sent = bucket.objects().at(log_key(kRun, 1));

    const Result<Record> settled = writer.settle();
    ASSERT_TRUE(settled) << settled.error().detail;
    EXPECT_FALSE(writer.is_in_doubt());
    EXPECT_EQ(encode_record(*settled), sent);
    EXPECT_EQ(bucket.objects().at(log_key(kRun, 1)), sent);
    EXPECT_EQ(writer.position().version, 1);
    EXPECT_TRUE(writer.commit(delta_draft(1, 2)));
}

TEST(ChainWriter, StaysInDoubtUntilTheBucketAnswers) {
    FaultyBucket bucket;
    ChainWriter writer = begun_log(bucket);
    bucket.set_unreachable(true);
    EXPECT_EQ(writer.commit(delta_draft(0, 1)).error().fault, Fault::transport);
    EXPECT_EQ(writer.settle().error().fault, Fault::transport);
    ASSERT_TRUE(writer.is_in_doubt());
    EXPECT_EQ(writer.position().version, 0);
    bucket.set_unreachable(false);
    ASSERT_TRUE(writer.settle());
    EXPECT_EQ(writer.position().version, 1);
}

TEST(ChainWriter, AHiddenRecordOfItsOwnLeavesItInDoubt) {
    FaultyBucket bucket;
    ChainWriter writer = begun_log(bucket);
    bucket.lose_answer_of("/log/");
    ASSERT_FALSE(writer.commit(delta_draft(0, 1)));
    bucket.hide(log_key(kRun, 1));
    EXPECT_EQ(writer.settle().error().fault, Fault::transport);
    ASSERT_TRUE(writer.is_in_doubt());
    bucket.heal(log_key(kRun, 1));
    EXPECT_TRUE(writer.settle());
}

TEST(ChainWriter, AnotherWritersRecordSupersedesAndIsNamed) {
    FaultyBucket bucket;
    ChainWriter old_writer = begun_log(bucket);
    ChainWriter new_writer(bucket, kRun, old_writer.position(), 2);
    const Result<Record> epoch = new_writer.commit(Record{});
    ASSERT_TRUE(epoch);
    const Result<Record> late = old_writer.commit(delta_draft(0, 1));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().fault, Fault::superseded);
    EXPECT_NE(late.error().detail.find(epoch->writer), std::string::npos) << late.error().detail;
    EXPECT_NE(late.error().detail.find("epoch 2"), std::string::npos);
    EXPECT_FALSE(old_writer.is_in_doubt());
    EXPECT_EQ(old_writer.position().version, 0);
}

TEST(ChainWriter, InDoubtMayEndInSuperseded) {
    FaultyBucket bucket;
    ChainWriter old_writer = begun_log(bucket);
    bucket.fail_next_calls(1);
    ASSERT_FALSE(old_writer.commit(delta_draft(0, 1)));
    ChainWriter new_writer(bucket, kRun, old_writer.position(), 2);
    ASSERT_TRUE(new_writer.commit(Record{}));
    EXPECT_EQ(old_writer.settle().error().fault, Fault::superseded);
}

TEST(ChainWriter, ANewRunDoesNotBeginWhereOneStands) {
    FaultyBucket bucket;
    begun_log(bucket);
    ChainWriter second(bucket, kRun, {}, 1);
    EXPECT_EQ(second.commit(anchor_draft(0, {{2, 2}})).error().fault, Fault::superseded);
}

TEST(ChainWriter, OfTwoThatRaceForANumberOneIsSuperseded) {
    const ScratchFolder folder;
    BucketDir bucket(folder.path());
    ChainPosition position = begun_log(bucket).position();
    for (std::int64_t round = 0; round < 20; ++round) {
        ChainWriter a(bucket, kRun, position, 1);
        ChainWriter b(bucket, kRun, position, 1);
        std::optional<Result<Record>> of_a;
        std::optional<Result<Record>> of_b;
        {
            const std::jthread thread_a([&] { of_a = a.commit(delta_draft(round, round + 1)); });
            const std::jthread thread_b([&] { of_b = b.commit(delta_draft(round, round + 1)); });
        }
        ASSERT_NE(bool(*of_a), bool(*of_b)) << round;
        const Result<Record>& loser = *of_a ? *of_b : *of_a;
        EXPECT_EQ(loser.error().fault, Fault::superseded);
        position = (*of_a ? a : b).position();
    }
}

}  // namespace
}  // namespace dws
