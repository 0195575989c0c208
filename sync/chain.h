// The log: gap-free records, each naming the hash of the one before. One writer appends, everybody
// follows. Polling is one get of a key whose name is known.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "sync/bucket/bucket.h"
#include "sync/record.h"

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
};

// Reads and checks records in order. Not safe to share between threads.
class ChainReader {
public:
    // bucket is not owned and outlives this.
    ChainReader(Bucket& bucket, std::string run) : bucket_(bucket), run_(std::move(run)) {}

    // The next record. Fault::missing: not there yet. Fault::corrupt: not a record. Fault::
    // untrusted: a record that does not follow (other run, wrong hash of the previous one, epoch
    // going back, version or cursor out of order). After a fault the position is unchanged.
    Result<Record> next();

    const ChainPosition& position() const { return position_; }

private:
    Bucket& bucket_;
    const std::string run_;
    ChainPosition position_;
};

// Appends records. Not safe to share between threads.
class ChainWriter {
public:
    // position: where the log ends. epoch: this writer's own.
    ChainWriter(Bucket& bucket, std::string run, ChainPosition position, std::uint64_t epoch);

    // Fills in run, sequence, epoch, writer, nonce, previous hash and time, and commits. Epoch and
    // end records restate version and digest, which are filled in too. Not to be called in doubt.
    //
    // Fault::transport leaves the outcome in doubt: the same bytes must be settled before anything
    // else. Fault::superseded: another writer's record stands at this sequence number. Fault::
    // untrusted or corrupt: a draft that no follower would accept; nothing was sent.
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
    Bucket& bucket_;
    const std::string run_;
    const std::string writer_;
    const std::uint64_t epoch_;
    ChainPosition position_;
    std::optional<InDoubt> in_doubt_;
};

// What accepting a record does to a position; shared by reader and writer. Fault::untrusted when
// the record does not follow.
Result<ChainPosition> advance(const ChainPosition& position, const std::string& run,
                              const Record& record, const std::string& stored_sha256);

}  // namespace dws
