// A compact delta from a list of changes alone: what the publisher writes when several steps have
// merged. The base's words are gone by then (the optimizer is changing them), so every tile is
// flat: its code needs the changed words only.
#pragma once

#include <cstddef>

#include "sync/array_table.h"
#include "sync/changes.h"
#include "sync/codec/compact_file.h"
#include "sync/codec/interchange.h"

namespace dws {

// changes: with `before`. Files are cut between tiles. False when the sink stopped.
bool encode_compact_changes(const ArrayTable& table, const Changes& changes,
                            const CompactVersions& versions, std::size_t file_bytes,
                            const FileSink& sink);

}  // namespace dws
