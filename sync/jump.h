// A shorter road through the log, offered by a compactor: a later anchor, or several deltas folded
// into one. It names the log record whose version it leads to, and is good only for a follower
// whose own log holds that very record. Losing it costs bytes, never data.
//
//   <run>/jumps/none-000000000040.json          anchor of version 40
//   <run>/jumps/000000000032-000000000040.json  fold of versions 33 to 40
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/record.h"

namespace dws {

struct Jump {
    std::string run;
    std::string writer;                   // "<host>-<process>-<random>", for people
    RecordKind kind = RecordKind::delta;  // anchor, or delta: a fold
    std::int64_t version = -1;
    std::int64_t base_version = -1;  // of a fold
    std::uint64_t sequence = 0;      // of the log record that holds `version`
    std::string record_sha256;       // of that record's stored bytes
    std::vector<ObjectRef> objects;
    std::uint64_t changed_words = 0;
    std::uint64_t total_words = 0;
    std::string layout_hash;
    Digest digest;  // of `version`; must be the record's
    std::int64_t trainer_step = 0;
    double created_unix_s = 0;

    // The record that a log would hold in its place: what loaders and replicas take.
    Record as_record() const;
};

// Its bytes: like a log record's (DSSE envelope, one form, FORMAT.md, "Jump").
Bytes encode_jump(const Jump& jump);
// Fault::corrupt, naming the field, for anything that is not exactly such a jump.
Result<Jump> decode_jump(std::span<const std::byte> stored);

// Empty when the jump leads to exactly the version of this record of the log; otherwise how the two
// differ. stored_sha256: of the record's stored bytes.
std::string jump_fault(const Jump& jump, const Record& logged, const std::string& stored_sha256);

// base_version: -1 for an anchor.
std::string jump_key(const std::string& run, std::int64_t base_version, std::int64_t version);
struct JumpEnds {
    std::int64_t base_version;  // -1: none
    std::int64_t version;
};
// The ends in a key of jumps/, so that a listing alone tells which jumps are worth reading. Empty
// for a key of another form.
std::optional<JumpEnds> jump_ends(std::string_view key);

}  // namespace dws
