// A log that somebody signs, in memory, and strangers who write into it.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "sync/chain.h"
#include "sync/envelope.h"
#include "sync/sha256.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/records.h"

namespace dws {

struct SignedLog {
    FaultyBucket bucket;
    const std::string run = "run";
    const Identity trainer = Identity::generate();
    ChainPosition position;  // where it ends; nobody pinned

    // An anchor, if there is none yet, and `deltas` deltas, by one writer of one epoch.
    void write(std::int64_t deltas, const std::optional<Identity>& signer) {
        const bool is_new = position.next_sequence == 0;
        ChainWriter writer(bucket, run, position, is_new ? 1 : position.epoch, signer);
        if (is_new) {
            EXPECT_TRUE(writer.commit(anchor_draft(0, {{1, 1}})));
        }
        for (std::int64_t delta = 0; delta < deltas; ++delta) {
            const std::int64_t held = writer.position().version;
            EXPECT_TRUE(writer.commit(delta_draft(held, held + 1)));
        }
        position = writer.position();
    }
    void write(std::int64_t deltas) { write(deltas, trainer); }

    // A record of a new epoch, that may name the next key.
    Result<Record> begin_epoch(const std::optional<Identity>& signer,
                               const std::string& next_key = {}) {
        Record draft;
        draft.next_key = next_key;
        ChainWriter writer(bucket, run, position, position.epoch + 1, signer);
        Result<Record> record = writer.commit(draft);
        position = writer.position();
        return record;
    }

    Bytes stored(std::uint64_t sequence) { return bucket.objects().at(log_key(run, sequence)); }
    void store(std::uint64_t sequence, const Bytes& bytes) {
        EXPECT_TRUE(bucket.put(log_key(run, sequence), bytes));
    }
    KnownRecord known(std::uint64_t sequence) { return {sequence, sha256_hex(stored(sequence))}; }

    Trust trust() const { return {.log = trainer.shared()}; }
};

// What a reader that has this trust says at the first record it does not take; Fault::missing at
// the end of a log it takes whole.
inline Error first_refusal(Bucket& bucket, const std::string& run, const Trust& trust,
                           std::uint64_t* records = nullptr) {
    ChainReader reader(bucket, run, trust);
    Result<Record> record = reader.next();
    while (record) record = reader.next();
    if (records != nullptr) *records = reader.position().next_sequence;
    return record.error();
}

// The reader takes `records` records and refuses the next one, saying which and why.
inline void expect_refused(SignedLog& log, const Trust& trust, std::uint64_t records,
                           const std::string& why) {
    std::uint64_t taken = 0;
    const Error error = first_refusal(log.bucket, log.run, trust, &taken);
    EXPECT_EQ(taken, records);
    EXPECT_EQ(error.fault, Fault::untrusted) << error.detail;
    EXPECT_NE(error.detail.find(why), std::string::npos) << error.detail;
    EXPECT_NE(error.detail.find("record " + std::to_string(records)), std::string::npos)
        << error.detail;
    EXPECT_TRUE(error.detail.starts_with(log_key(log.run, records))) << error.detail;
}

inline void expect_whole(SignedLog& log, const Trust& trust) {
    std::uint64_t taken = 0;
    const Error error = first_refusal(log.bucket, log.run, trust, &taken);
    EXPECT_EQ(error.fault, Fault::missing) << error.detail;
    EXPECT_EQ(taken, log.position.next_sequence);
}

}  // namespace dws
