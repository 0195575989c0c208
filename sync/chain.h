// The log: gap-free records, each naming the hash of the one before. One writer appends, everybody
// follows. Polling is one get of a key whose name is known. Where a key is pinned (Trust), every
// record is signed by it, or by the one that the records before it name as the next.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/identity.h"
#include "sync/bucket/bucket.h"
#include "sync/known_past.h"
#include "sync/log_memory.h"
#include "sync/record.h"
#include "sync/records_ahead.h"
#include "sync/trust.h"

namespace dws {

// Where a follower stands after the last record it accepted.
struct ChainPosition {
    std::uint64_t next_sequence = 0;
    std::string last_sha256;  // of the last record's stored bytes
    std::uint64_t epoch = 0;
    std::int64_t version = -1;
    std::int64_t trainer_step = 0;
    Digest digest;
    bool has_ended = false;
    std::map<std::string, std::int64_t> cursors;  // worker -> first game group not yet decided
    std::optional<PublicIdentity> signer;         // of the next record; empty: nobody is pinned
};

// Reads and checks records in order; far from the log's end it reads several at a time. Not safe to
// share between threads.
class ChainReader {
public:
    // bucket is not owned and outlives this. Throws std::runtime_error when the trust's memory is
    // there and cannot be read.
    ChainReader(Bucket& bucket, std::string run, Trust trust = {});

    // The next record. Fault::missing: not there yet. Fault::corrupt: not a record. Fault::
    // untrusted: a record that does not follow (other run, wrong hash of the previous one, epoch
    // going back, version or cursor out of order), that not the pinned key signed, or a log that is
    // not the one remembered; it names the record and says why. After a fault the position is
    // unchanged. stop: ends reading ahead, and the walk to `since` as Fault::transport. A store
    // that has answered and then refuses this reader is Fault::transport: the log is what it was.
    Result<Record> next(std::stop_token stop = {});

    const ChainPosition& position() const { return position_; }
    // True until the record remembered has been read: up to there the log may be an old one whose
    // end the store does not show, so that nothing of it is used.
    bool is_behind_memory() const;
    // The key that says it signed the last record; empty: nobody. It did, where a key is pinned.
    const std::string& last_signer() const { return last_signer_; }
    // Who may sign jumps of this log, as far as it was read. Empty: nobody is pinned.
    std::vector<PublicIdentity> jump_signers() const;

    // The last record is remembered across restarts when this returns; nothing to do without a
    // memory. Fault::transport: it cannot be written. Fault::untrusted: another process of this
    // machine has accepted another record in its place.
    Result<Done> remember();

private:
    Result<Record> read_next(const std::string& key, const std::stop_token& stop);
    Result<Done> check(const Record& record, const Bytes& stored, const std::string& sha256) const;

    const std::string run_;
    const Trust trust_;
    RecordsAhead records_;
    KnownPast past_;  // up to trust_.since
    LogMemory memory_;
    ChainPosition position_;
    std::string last_signer_;
    bool has_answered_ = false;  // the bucket, at least once
};

// Appends records. Not safe to share between threads.
class ChainWriter {
public:
    // position: where the log ends. epoch: this writer's own. signer: signs every record.
    ChainWriter(Bucket& bucket, std::string run, ChainPosition position, std::uint64_t epoch,
                std::optional<Identity> signer = {});

    // Fills in run, sequence, epoch, writer, nonce, previous hash and time, and commits. Epoch and
    // end records restate version and digest, which are filled in too. Not to be called in doubt.
    //
    // Fault::transport leaves the outcome in doubt: the same bytes must be settled before anything
    // else. Fault::superseded: another writer's record stands at this sequence number. Fault::
    // untrusted or corrupt: a draft that no follower would accept (also: this is not the key that
    // signs the log), and nothing was sent; or a stranger's record stands there.
    Result<Record> commit(Record draft);
    // Sends the bytes in doubt again, unchanged, and reads back what stands there. Faults as above.
    Result<Record> settle();
    bool is_in_doubt() const { return in_doubt_.has_value(); }

    const ChainPosition& position() const { return position_; }

private:
    struct InDoubt {
        Record record;
        Bytes stored;
        ChainPosition after;  // where the log ends once the record is there
    };
    Result<Record> accept();
    Result<Record> compare_with_stored();
    std::optional<PublicIdentity> expected_signer() const;
    Bucket& bucket_;
    const std::string run_;
    const std::string writer_;
    const std::uint64_t epoch_;
    const std::optional<Identity> signer_;
    ChainPosition position_;
    std::optional<InDoubt> in_doubt_;
};

// What accepting a record does to a position; shared by reader and writer. Fault::untrusted when
// the record does not follow. Who signed it is not asked here.
Result<ChainPosition> advance(const ChainPosition& position, const std::string& run,
                              const Record& record, const std::string& stored_sha256);

}  // namespace dws
