// A delta between two checkpoints: one delta file, compact or interchange, whose metadata also
// names the digests of what it starts from and leads to (FORMAT.md, "Digests in a delta's
// metadata"). With these a wrong base is known before the first word is touched.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/array_table.h"
#include "sync/checkpoint/checkpoint.h"
#include "sync/codec/encoding.h"
#include "sync/codec/interchange.h"
#include "sync/digest.h"

namespace dws {

struct CheckpointDelta {
    Bytes file;
    std::uint64_t changed_words = 0;
    Digest base_digest;
    Digest digest;
};

// base, next: two flat buffers of the table's layout. The delta is from version 0 to version 1.
// Fault::transport when stopped; piece_done hears of twice the table's bytes.
Result<CheckpointDelta> make_checkpoint_delta(const ArrayTable& table,
                                              std::span<const std::byte> base,
                                              std::span<const std::byte> next, Encoding encoding,
                                              std::size_t threads, const PieceDone& piece_done);

// What a delta file says of itself; unproven.
struct DeltaFacts {
    bool is_compact = false;
    std::int64_t version = 0;
    std::int64_t base_version = 0;  // of a compact one
    std::uint64_t changed_words = 0;
    std::optional<Digest> base_digest;
    std::optional<Digest> digest;
};
// Fault::corrupt: no safetensors file, no delta, or metadata that cannot be.
Result<DeltaFacts> read_delta_facts(std::span<const std::byte> file);

// Turns the base into the next version, in place. The digests that the delta names are checked:
// base_digest before the first write (Fault::wrong_base), digest after the last one (Fault::
// corrupt). Other faults as the decoders'; after any but wrong_base the words are neither version.
// A compact file that covers only part of the table's tiles is refused: it is one of several.
Result<DeltaFacts> patch_checkpoint(const ArrayTable& table, std::span<const std::byte> file,
                                    std::span<std::byte> words, std::size_t threads,
                                    const PieceDone& piece_done);

// The files of a version, in any encoding, from two buffers; false when the sink stopped it.
bool encode_from_buffers(const ArrayTable& table, std::span<const std::byte> base,
                         std::span<const std::byte> next, std::int64_t version,
                         std::int64_t base_version, Encoding encoding, std::size_t file_bytes,
                         std::size_t threads, const FileSink& sink);

}  // namespace dws
