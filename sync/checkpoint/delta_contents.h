// What stands in a delta's file, tile by tile, without applying it: for people who want to know why
// a delta is as large as it is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "sync/array_table.h"
#include "sync/checkpoint/delta.h"

namespace dws {

struct DeltaArray {
    std::string name;
    std::optional<std::uint64_t> words;    // of the whole array; empty: not known without a table
    std::optional<std::uint64_t> changed;  // empty: a compact tile stored raw does not say
    std::uint64_t bytes = 0;
};

struct DeltaContents {
    DeltaFacts facts;
    std::string encoding;  // "compact", "raw", "gap_delta"
    std::uint64_t total_words = 0;
    // Tiles of a compact delta, by how they are stored.
    std::uint64_t untouched = 0, flat = 0, classes = 0, raw = 0;
    std::vector<double> densities;   // of touched tiles whose count is known: changed / words
    std::vector<DeltaArray> arrays;  // with changes; empty for a compact delta without a table
};

// table: of the base, or null. Without one the tiles of a compact delta are taken for full ones.
// Fault::corrupt: not a delta, of other arrays, or cut short.
Result<DeltaContents> read_delta_contents(std::span<const std::byte> file, const ArrayTable* table);

}  // namespace dws
