// Compact deltas (FORMAT_COMPACT.md): a safetensors file with all changed tiles of a version, each
// in the fewest bytes: positions as gaps, counted among words whose old exponents make a change as
// likely, and new words as steps from the old ones. Both sides need the base's words: a delta is
// applied once, to exactly the version it was made from.
//
// Size, roughly: 0.9 bytes per changed word at 0.9 % changed, against 4 to 6 for positions and
// words as they are (experiments/bench_codec.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "sync/array_table.h"
#include "sync/changes.h"
#include "sync/codec/compact_classes.h"
#include "sync/codec/compact_tile_encoder.h"
#include "sync/codec/interchange.h"
#include "sync/digest.h"

namespace dws {

struct CompactOptions {
    CompactMode mode = CompactMode::smallest;
    std::size_t file_bytes = SIZE_MAX;  // files are cut between tiles once they reach this
    std::size_t threads = 1;            // at least 1
};

// base, next: two flat buffers of the table's layout. Every file names the tiles it covers; tiles
// without changes take 4 bytes. A delta without changes is one file. False when the sink stopped.
bool encode_compact(const ArrayTable& table, std::span<const std::byte> base,
                    std::span<const std::byte> next, std::int64_t version,
                    std::int64_t base_version, const CompactOptions& options, const FileSink& sink);

// The same from a list of changes. words: the flat buffer of the base or of the next version (see
// TileEncoder: of the base where changes hold no `before`).
bool encode_compact(const ArrayTable& table, const Changes& changes,
                    std::span<const std::byte> words, std::int64_t version,
                    std::int64_t base_version, const CompactOptions& options, const FileSink& sink);

// Thresholds for each dtype, from about 32 tiles spread over the table.
ClassTable choose_classes(const ArrayTable& table, std::span<const std::byte> base,
                          std::span<const std::byte> next, std::size_t threads = 1);

// Adds one file's changes, `before` included. words: the flat buffer of the base. Fault::corrupt:
// not such a file, other versions, other arrays, a tile that cannot be decoded or that `changes`
// already holds; `changes` may then hold some of the file's tiles. threads: tiles are shared by
// them.
Result<Done> decode_compact(const ArrayTable& table, std::span<const std::byte> file,
                            std::int64_t version, std::int64_t base_version,
                            std::span<const std::byte> words, Changes& changes,
                            std::size_t threads = 1);

// Turns the base into the next version, in place: for measuring, and for buffers nobody reads.
// After a fault the words are neither version. digest: null, or what the file adds to the version's
// digest is added to it, tile by tile while the words are in cache.
Result<Done> patch_compact(const ArrayTable& table, std::span<const std::byte> file,
                           std::int64_t version, std::int64_t base_version,
                           std::span<std::byte> words, std::size_t threads = 1,
                           Digest* digest = nullptr);

}  // namespace dws
