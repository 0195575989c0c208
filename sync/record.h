// A log record: the commit of a version. Before it is there the version does not exist; after it
// is there the version does, whole. FORMAT.md has every field.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/digest.h"
#include "sync/trained_steps.h"

namespace dws {

// Limits of what is accepted from outside (FORMAT.md, "Limits").
inline constexpr std::size_t kMaxRecordBytes = 16u << 20;
inline constexpr std::size_t kMaxObjectsPerRecord = 100'000;
inline constexpr std::uint64_t kMaxObjectBytes = 1ull << 40;
inline constexpr std::size_t kMaxKeyText = 256;  // a public key as text has 94 letters

enum class RecordKind {
    epoch,   // a writer begins: start of a resumed or taken-over run
    anchor,  // a version stored whole
    delta,   // one base version turned into one later version
    end,     // the run is complete; no version follows in this epoch
};

struct ObjectRef {
    std::string key;  // without the run's prefix: "objects/delta-000043-<hash16>.safetensors"
    std::uint64_t size_bytes;
    std::string sha256;  // hex
    bool operator==(const ObjectRef&) const = default;
};

// False for what only accompanies a version (files of a checkpoint's folder that are no weights).
// A follower's words come from the other objects alone.
inline bool holds_words(const ObjectRef& object) { return !object.key.starts_with("objects/file"); }

// One worker's game groups decided since the previous record: numbers first..next-1. Those not
// listed were trained.
struct GamesConsumed {
    std::string worker;
    std::int64_t first = 0;
    std::int64_t next = 0;
    std::vector<std::int64_t> skipped;  // nothing to learn: every game of the group did the same
    std::vector<std::int64_t> stale;    // too old, dropped
    std::vector<std::int64_t> refused;  // not readable, dropped
    bool operator==(const GamesConsumed&) const = default;
};

struct Record {
    std::string run;
    std::uint64_t sequence = 0;
    std::uint64_t epoch = 0;
    std::string writer;
    std::string nonce;
    RecordKind kind = RecordKind::epoch;
    std::int64_t version = -1;       // the version that holds after this record; -1: none yet
    std::int64_t base_version = -1;  // of a delta
    std::vector<ObjectRef> objects;
    std::uint64_t changed_words = 0;
    std::uint64_t total_words = 0;
    std::string layout_hash;
    Digest digest;                  // of `version`
    std::int64_t trainer_step = 0;  // optimizer steps in `version`
    std::string next_key;  // of an epoch record: the public key that signs from here on; or empty
    std::vector<GamesConsumed> games;
    // What the optimizer steps since the previous record were trained on, where the trainer says
    // it: then one per step, and together exactly the trained groups of `games`.
    std::vector<TrainedStep> steps;
    // A delta back to the weights of an earlier trainer step. The steps after it, up to the
    // previous record's, are abandoned; the groups they trained stay decided.
    bool is_rollback = false;
    std::string previous_sha256;  // of the previous record's stored bytes; empty for record 0
    // The writer's clock, a label for people. No decision depends on it; the follower's commit
    // report takes sync_ms from it, which is only as good as the two clocks agree.
    double created_unix_s = 0;
};

const char* name_of(RecordKind kind);

// The stored bytes: the record as JSON inside a DSSE envelope with an empty list of signatures. A
// record has one form: the same record is the same bytes. created_unix_s is kept to the
// millisecond.
Bytes encode_record(const Record& record);
// Fault::corrupt, naming the field, for anything that is not exactly such a record within the
// limits, in that one form.
Result<Record> decode_record(std::span<const std::byte> stored);

// "<run>/log/00000000000000000043.json"
std::string log_key(const std::string& run, std::uint64_t sequence);

}  // namespace dws
