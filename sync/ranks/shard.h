// A model too large for one trainer process is held by several ranks, each a run of whole tiles:
// its shard. All ranks cut a version at the same optimizer step, each writes the files of its own
// shard, and rank 0 commits them as one record: all of them or none.
//
// Rank 0 announces before each step whether it is cut. The announcement is a value that the
// trainer's ranks hand to each other by what they share anyway (a broadcast, a key-value store);
// every rank passes the same one in, and nobody waits for the bucket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sync/array_table.h"
#include "sync/changes.h"
#include "sync/codec/compact_file.h"
#include "sync/codec/encoding.h"
#include "sync/codec/interchange.h"

namespace dws {

struct ShardRange {
    std::size_t first_tile = 0;
    std::size_t tiles = 0;

    bool holds(std::size_t tile) const { return tile >= first_tile && tile - first_tile < tiles; }
    bool operator==(const ShardRange&) const = default;
};

// Ranges of as many tiles each as can be, in the order of the ranks.
std::vector<ShardRange> even_shards(const ArrayTable& table, std::size_t ranks);

// Why the ranks' ranges cannot hold the table's versions; empty when every tile is in exactly one
// of them, and, for the interchange encodings, no array is in two: a version's files name it once.
std::string shards_fault(const ArrayTable& table, std::span<const ShardRange> shards,
                         Encoding encoding);

// One attempt at one version. An attempt that is given up leaves nothing behind but objects that
// no record names; the next has another name, so nothing late can be taken for part of it.
struct Cut {
    std::uint64_t epoch = 0;  // of rank 0's records
    std::int64_t version = -1;
    std::int64_t base_version = -1;  // the log's newest when the cut was announced
    std::string attempt;             // 32 hex digits, random

    bool operator==(const Cut&) const = default;
};

struct Announcement {
    std::int64_t committed_version = -1;  // the log's newest, as far as rank 0 knows
    std::optional<Cut> cut;               // empty: the step merges with what is pending
};

// The shard's part of a delta; `before` is filled. Compact files hold flat tiles (the base's words
// are gone by then) and only the shard's own; they are ordinary files of the version. Cut between
// tiles (compact) or arrays once they reach file_bytes; none where nothing changed. False when the
// sink stopped.
bool encode_shard(const ArrayTable& table, const Changes& changes, const CompactVersions& versions,
                  Encoding encoding, std::size_t file_bytes, const FileSink& sink);

}  // namespace dws
