// The weights in live memory, and the proof of which version they are. Verify first, write after:
// live words are at every moment exactly one version.
//
// With a second copy the next version is written beside the live one and a commit is a change of
// roles: microseconds whatever the model's size, for twice the memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/array_table.h"
#include "sync/changes.h"
#include "sync/digest.h"
#include "sync/record.h"

namespace dws {

// A later version, checked and ready: all that commit() has to write.
struct StagedVersion {
    Record record;
    Changes changes;  // of a delta: `before` filled from live words
    Bytes next;       // of an anchor: all words, in the table's flat buffer
    std::vector<std::pair<std::size_t, Digest>> tiles;  // digests after, of the tiles that change
                                                        // (delta) or of all (anchor)
    std::int64_t from_version = -1;                     // what was live while staging
};

// How many threads read and write a replica's words.
struct ReplicaThreads {
    std::size_t staging = 1;  // and for rescans: beside whoever uses the words
    std::size_t pause = 1;    // while nobody does
};

// Staging and rescans read live words, commit() changes them. The caller keeps them apart: no
// stage or rescan runs during commit(). Nobody else writes the words.
class Replica {
public:
    // words: the table's flat buffer; not owned, outlives this. What it holds is version -1.
    // Reads all of it, so that rescans hold from the start. spare: a second such buffer, which
    // becomes a copy of the first; empty: there is none.
    Replica(const ArrayTable& table, std::span<std::byte> words, std::span<std::byte> spare = {},
            ReplicaThreads threads = {});

    std::int64_t version() const { return version_; }
    std::int64_t trainer_step() const { return trainer_step_; }
    const Digest& digest() const { return digest_; }
    const ArrayTable& table() const { return table_; }
    std::span<const std::byte> words() const { return words_; }  // live
    std::size_t staging_threads() const { return threads_.staging; }

    // changes: as decoded; `before`, where known, was read from words(). Fault::wrong_base: the
    // record builds on another version, on other arrays, or the digest computed from live old words
    // and new words is not the record's. Fault::corrupt: the record's count of changed words is not
    // the delta's, or a listed word does not change. A live word damaged under a change is
    // wrong_base: its old word enters the digest.
    Result<StagedVersion> stage_delta(const Record& record, Changes changes) const;
    // next: a whole version in the table's layout. Fault::corrupt when its digest is not the
    // record's. Sound whatever the live words hold, so it is the way back from a fault.
    Result<StagedVersion> stage_anchor(const Record& record, Bytes next) const;

    // Before commit(), of the same version: writes the spare copy, if there is one.
    void prepare(const StagedVersion& staged);
    // Makes the version live. This is the pause: all of the writing without a spare copy, none of
    // it with one.
    void commit(const StagedVersion& staged);
    // After commit(), of the same version and before the next prepare(): brings the copy that was
    // live up to it, if there are two. Nothing may read that copy any more.
    void follow_up(const StagedVersion& staged);

    // Reads live words of `tiles` tiles from `first_tile` on (wrapping around) and compares them
    // with what they must be. Fault::corrupt names the array and the words of the first tile, from
    // first_tile on, that differs.
    Result<Done> rescan(std::size_t first_tile, std::size_t tiles) const;

private:
    void write(const StagedVersion& staged, std::span<std::byte> words, std::size_t threads) const;

    const ArrayTable& table_;
    std::span<std::byte> words_;  // live
    std::span<std::byte> spare_;  // empty: none
    const ReplicaThreads threads_;
    std::int64_t version_ = -1;
    std::int64_t trainer_step_ = 0;
    Digest digest_;
    std::vector<Digest> tile_digests_;  // (tiles,) what live memory must hold
};

}  // namespace dws
