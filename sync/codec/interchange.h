// Deltas and anchors as other tools write and read them (FORMAT.md, "Interchange"): a delta is a
// safetensors file with `{name}.idx` and `{name}.val` per changed array, an anchor holds plain
// `{name}` tensors.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/array_table.h"
#include "sync/changes.h"
#include "sync/codec/encoding.h"

namespace dws {

// Metadata of an anchor's file: the table's index of each tensor, in the file's order. Files of
// other tools may lack it; their order is the table's then.
inline constexpr std::string_view kArrayOrder = "array_order";

// Takes one finished file. False stops the encoder (the receiver has been asked to stop).
using FileSink = std::function<bool(Bytes file)>;

// encoding: raw (idx: int32 positions; int64 in an array of more than 2^31 words) or gap_delta
// (idx: idx[k]-idx[k-1]-1 in u16, u32 for an array with a gap above 65,535, u64 for one above
// 2^32-1). Files are cut between arrays once they reach file_bytes; an array is never split. A
// delta without changes is one file without arrays. False when the sink stopped it.
bool encode_delta(const ArrayTable& table, const Changes& changes, std::int64_t version,
                  Encoding encoding, std::size_t file_bytes, const FileSink& sink);
bool encode_anchor(const ArrayTable& table, std::span<const std::byte> words, std::int64_t version,
                   std::size_t file_bytes, const FileSink& sink);

// Adds one file's changes (`before` empty). Fault::corrupt: not such a file, another version,
// unknown array, wrong dtype or length, positions out of range or not ascending, an array seen
// before; `changes` are then as they were. Allocates in proportion to the file, not to its claims.
Result<Done> decode_delta(const ArrayTable& table, std::span<const std::byte> file,
                          std::int64_t version, Changes& changes);
// Copies one file's arrays into words (the table's flat buffer); has_array is marked per array.
// Fault::corrupt: not such a file, unknown array, wrong dtype or shape, an array marked before;
// words are then as they were.
Result<Done> decode_anchor(const ArrayTable& table, std::span<const std::byte> file,
                           std::span<std::byte> words, std::vector<bool>& has_array);

}  // namespace dws
