// Two versions of the same 16-bit words, as every format under measurement gets them.
#pragma once

#include <string>
#include <utility>

#include "base/bytes.h"
#include "sync/array_table.h"
#include "sync/changes.h"

namespace dws {

// Flat buffers end with a whole block of this many bytes: loops over 64 words need no tail.
inline constexpr std::size_t kBufferBlockBytes = 128;

struct VersionPair {
    std::string label;  // of the scenario, for tables
    ArrayTable table;   // 16-bit arrays only
    Bytes base, next;   // the table's flat buffers, filled up with zeros to whole blocks
    std::uint64_t changed_words;

    VersionPair(std::string label_, ArrayTable table_, Bytes base_, Bytes next_);
};

std::size_t padded_bytes(const ArrayTable& table);

}  // namespace dws
