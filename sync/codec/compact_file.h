// The outside of a compact delta (FORMAT_COMPACT.md, "The file"): a safetensors file with an index
// of tiles, the classes, and the tiles one after another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/array_table.h"
#include "sync/codec/compact_classes.h"

namespace dws {

struct CompactVersions {
    std::int64_t version;
    std::int64_t base_version;
};

// A run of tiles of the table, encoded.
struct CompactBody {
    std::size_t first_tile = 0;
    std::vector<std::uint32_t> lengths = {};  // (tiles,) bytes of each; 0: no changes
    Bytes tiles = {};                         // back to back
    std::uint64_t changed_words = 0;
};

// runs: at least one, each beginning where the one before ends. classes: written only where a tile
// uses them.
Bytes write_compact_file(const ArrayTable& table, const CompactVersions& versions,
                         const ClassTable& classes, std::span<const CompactBody> runs);

// A file whose outside is sound. Points into the file's bytes.
struct CompactView {
    std::size_t first_tile;
    std::vector<std::size_t> offsets;  // (tiles + 1,) of each in `tiles`, and the end
    std::span<const std::byte> tiles;
    std::uint64_t changed_words;
    ClassTable classes;

    std::size_t size() const { return offsets.size() - 1; }  // tiles
    std::span<const std::byte> tile(std::size_t index) const {
        return tiles.subspan(offsets[index], offsets[index + 1] - offsets[index]);
    }
    ExponentClasses classes_of(DType dtype) const;
};

// Whether the file says of itself that it is a compact delta; it may be unsound all the same.
bool is_compact_file(std::span<const std::byte> file);

// Fault::corrupt: not such a file, other versions, other arrays, tiles past the table's end.
Result<CompactView> read_compact_file(const ArrayTable& table, const CompactVersions& versions,
                                      std::span<const std::byte> file);

}  // namespace dws
