// Keys that change, records that are known by their hash, and what is remembered across restarts.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/scratch_folder.h"
#include "tests/support/signed_log.h"

namespace dws {
namespace {

TEST(KeyRotation, IsFollowedByWhoPinnedTheOldKey) {
    SignedLog log;
    log.write(2);
    const Identity next = Identity::generate();
    ASSERT_TRUE(log.begin_epoch(log.trainer, next.shared().text()));
    log.write(2, next);
    expect_whole(log, log.trust());
    expect_whole(log, {});
    ChainReader reader(log.bucket, log.run, log.trust());
    while (reader.next()) continue;
    EXPECT_EQ(reader.position().signer, next.shared());
    EXPECT_EQ(reader.jump_signers(), std::vector{next.shared()});
    EXPECT_EQ(reader.last_signer(), next.shared().id());

    // And once more, by the key that was handed the log.
    const Identity third = Identity::generate();
    ASSERT_TRUE(log.begin_epoch(next, third.shared().text()));
    log.write(1, third);
    expect_whole(log, log.trust());
}

TEST(KeyRotation, ByAnybodyElseIsRefused) {
    SignedLog log;
    log.write(2);
    const Identity thief = Identity::generate();
    ASSERT_TRUE(log.begin_epoch(thief, thief.shared().text()));
    expect_refused(log, log.trust(), 3, "is signed by key " + thief.shared().id());
    SignedLog unsigned_one;
    unsigned_one.write(2);
    ASSERT_TRUE(unsigned_one.begin_epoch(std::nullopt, thief.shared().text()));
    unsigned_one.write(1, thief);
    expect_refused(unsigned_one, unsigned_one.trust(), 3, "is not signed");
}

TEST(KeyRotation, AfterItTheOldKeyIsNobodys) {
    SignedLog log;
    log.write(1);
    const Identity next = Identity::generate();
    ASSERT_TRUE(log.begin_epoch(log.trainer, next.shared().text()));
    log.write(1, next);
    log.write(1, log.trainer);
    expect_refused(log, log.trust(), 4, "is signed by key " + log.trainer.shared().id());
    SignedLog at_once;
    at_once.write(1);
    ASSERT_TRUE(at_once.begin_epoch(at_once.trainer, next.shared().text()));
    at_once.write(1, at_once.trainer);
    expect_refused(at_once, at_once.trust(), 3, "not by " + next.shared().id());
}

TEST(KeyRotation, TheWriterGoesOnAsTheNewKeyAlone) {
    SignedLog log;
    log.write(1);
    ChainReader reader(log.bucket, log.run, log.trust());
    while (reader.next()) continue;
    const Identity next = Identity::generate();
    ChainWriter old_writer(log.bucket, log.run, reader.position(), 2, log.trainer);
    Record draft;
    draft.next_key = next.shared().text();
    ASSERT_TRUE(old_writer.commit(draft));
    EXPECT_EQ(old_writer.commit(delta_draft(1, 2)).error().fault, Fault::untrusted);
    ChainWriter new_writer(log.bucket, log.run, old_writer.position(), 3, next);
    ASSERT_TRUE(new_writer.commit(Record{}));
    ASSERT_TRUE(new_writer.commit(delta_draft(1, 2)));
    EXPECT_EQ(first_refusal(log.bucket, log.run, log.trust()).fault, Fault::missing);
}

TEST(KeyRotation, NamesAKeyOrIsNotWritten) {
    SignedLog log;
    log.write(1);
    const int puts = log.bucket.counts().puts;
    EXPECT_FALSE(log.begin_epoch(log.trainer, "dws-key-nothing"));
    EXPECT_EQ(log.bucket.counts().puts, puts);
}

// The old key has leaked at some time after record 3: another one is pinned from there on.
TEST(Since, BelievesWhatLeadsToTheKnownRecordAndTheNewKeyAfterIt) {
    SignedLog log;
    log.write(3);
    const Identity next = Identity::generate();
    const Trust trust{.log = next.shared(), .since = log.known(3)};
    expect_whole(log, trust);
    log.write(2, next);
    expect_whole(log, trust);
    expect_refused(log, log.trust(), 4, "is signed by key " + next.shared().id());

    SignedLog mixed;  // a run that was not signed at first
    mixed.write(2, std::nullopt);
    mixed.write(2);
    expect_whole(mixed, {.log = mixed.trainer.shared(), .since = mixed.known(2)});
    expect_refused(mixed, mixed.trust(), 0, "is not signed");
}

TEST(Since, WhatTheLeakedKeySignsAfterItIsRefused) {
    SignedLog log;
    log.write(3);
    const Trust trust{.log = Identity::generate().shared(), .since = log.known(2)};
    expect_refused(log, trust, 3, "is signed by key " + log.trainer.shared().id());
}

// A thief of the old key hands the log over to himself, before the known record.
TEST(Since, KeysNamedBeforeTheKnownRecordCountNothing) {
    SignedLog log;
    log.write(1);
    const Identity thief = Identity::generate();
    ASSERT_TRUE(log.begin_epoch(log.trainer, thief.shared().text()));
    const KnownRecord known = log.known(2);
    log.write(1, thief);
    expect_refused(log, {.log = log.trainer.shared(), .since = known}, 3, "is signed by key");
}

TEST(Since, RefusesALogThatDoesNotLeadThere) {
    SignedLog log;
    log.write(3);
    const auto refusal = [&](const KnownRecord& since) {
        std::uint64_t taken = 0;
        const Error error = first_refusal(log.bucket, log.run,
                                          {.log = log.trainer.shared(), .since = since}, &taken);
        EXPECT_EQ(taken, 0u) << "nothing is handed out before the way was walked";
        EXPECT_EQ(error.fault, Fault::untrusted) << error.detail;
        return error.detail;
    };
    EXPECT_NE(refusal({3, std::string(64, '0')}).find("record 3 has SHA-256"), std::string::npos);
    EXPECT_NE(refusal({9, std::string(64, '0')}).find("record 4 is not there"), std::string::npos);
    const KnownRecord known = log.known(3);
    SignedLog fork;
    fork.write(3);
    log.store(1, fork.stored(1));
    EXPECT_NE(refusal(known).find("record 1 does not name the record before it"),
              std::string::npos);
}

TEST(Since, ARecordThatChangesBetweenTheTwoReadsIsRefused) {
    SignedLog log;
    log.write(3);
    const Trust trust{.log = log.trainer.shared(), .since = log.known(3)};
    ChainReader reader(log.bucket, log.run, trust);
    ASSERT_TRUE(reader.next());  // the way was walked
    Record other = *decode_record(log.stored(1));
    other.trainer_step += 1;
    log.store(1, sign_envelope(encode_record(other), log.trainer));
    const Result<Record> record = reader.next();
    ASSERT_FALSE(record);
    EXPECT_EQ(record.error().fault, Fault::untrusted);
    EXPECT_NE(record.error().detail.find("record 1 (epoch 1"), std::string::npos)
        << record.error().detail;
    EXPECT_NE(record.error().detail.find("another than was there"), std::string::npos);
}

TEST(Since, GoesOnWhereAnOutageInterruptedTheWalk) {
    SignedLog log;
    log.write(150);
    const Trust trust{.log = log.trainer.shared(), .since = log.known(140)};
    ChainReader reader(log.bucket, log.run, trust);
    log.bucket.fail_next_calls(3);
    EXPECT_EQ(reader.next().error().fault, Fault::transport);
    log.bucket.truncate(log_key(log.run, 100), 50);
    EXPECT_EQ(reader.next().error().fault, Fault::corrupt);
    log.bucket.heal(log_key(log.run, 100));
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(reader.next(stop.get_token()).error().fault, Fault::transport);
    for (int record = 0; record <= 150; ++record) ASSERT_TRUE(reader.next()) << record;
    EXPECT_EQ(reader.next().error().fault, Fault::missing);
    EXPECT_LE(log.bucket.gets_of(log_key(log.run, 20)), 3);
}

TEST(Memory, AfterARestartNoOlderLogAndNoOtherOneIsTaken) {
    const ScratchFolder folder;
    SignedLog log;
    log.write(2);
    Trust trust = log.trust();
    trust.memory = folder / "accepted";
    {
        ChainReader reader(log.bucket, log.run, trust);
        EXPECT_TRUE(reader.remember()) << "nothing to remember yet";
        while (reader.next()) continue;
        ASSERT_TRUE(reader.remember());
    }
    expect_whole(log, trust);
    log.write(1);
    expect_whole(log, trust);  // a newer one is

    ASSERT_TRUE(log.bucket.remove(log_key(log.run, 3)));
    ASSERT_TRUE(log.bucket.remove(log_key(log.run, 2)));
    expect_refused(log, trust, 2, "older or other log");
    SignedLog again;  // by the trainer itself, from the start
    ChainWriter writer(again.bucket, again.run, {}, 1, log.trainer);
    ASSERT_TRUE(writer.commit(anchor_draft(0, {{1, 1}})));
    for (std::int64_t version = 0; version < 4; ++version)
        ASSERT_TRUE(writer.commit(delta_draft(version, version + 1)));
    expect_refused(again, trust, 2, "older or other log");
    std::filesystem::remove(folder / "accepted");
    std::uint64_t taken = 0;
    EXPECT_EQ(first_refusal(again.bucket, again.run, trust, &taken).fault, Fault::missing);
    EXPECT_EQ(taken, 5u);
}

TEST(Memory, HoldsWithoutAnyKeyToo) {
    const ScratchFolder folder;
    SignedLog log;
    log.write(2, std::nullopt);
    const Trust trust{.memory = folder / "accepted"};
    ChainReader reader(log.bucket, log.run, trust);
    while (reader.next()) continue;
    ASSERT_TRUE(reader.remember());
    log.bucket.hide(log_key(log.run, 0));
    expect_refused(log, trust, 0, "the log ends before record 0");
}

}  // namespace
}  // namespace dws
