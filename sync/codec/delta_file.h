// A delta's file of any encoding. Who reads asks the file which it is: versions of one run may
// differ in it.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "sync/array_table.h"
#include "sync/changes.h"

namespace dws {

// Adds one file's changes; `before` is filled by compact files and left empty by interchange ones.
// words: the base's, the table's flat buffer. Fault::corrupt: not a delta file from base_version to
// version, or one that its decoder refuses; `changes` may then hold some of the file's tiles.
// threads: of a compact file.
Result<Done> decode_delta_file(const ArrayTable& table, std::span<const std::byte> file,
                               std::int64_t version, std::int64_t base_version,
                               std::span<const std::byte> words, Changes& changes,
                               std::size_t threads = 1);

}  // namespace dws
