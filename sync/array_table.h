// The arrays of a run and how they fall into tiles. A tile is 65,536 words of one array: it fits
// in L2 (128 KiB of bf16), a position inside it fits 16 bits, and it is the unit in which changes
// are detected, merged, digested and rescanned. Tiles never span arrays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/tensor_layout.h"

namespace dws {

inline constexpr std::size_t kTileWords = 65'536;

struct Tile {
    std::size_t array;         // index into the layout's specs
    std::uint64_t first_word;  // within the array
    std::size_t words;         // kTileWords, less in an array's last tile
    std::size_t offset_bytes;  // within the flat buffer
    std::size_t word_bytes;    // 1, 2 or 4
};

class ArrayTable {
public:
    // Refuses arrays of 8-byte elements (Fault::corrupt): weights have words of 1, 2 or 4 bytes.
    static Result<ArrayTable> make(TensorLayout layout);

    const TensorLayout& layout() const { return layout_; }
    std::uint64_t words() const { return words_; }                  // of all arrays
    std::uint64_t word_bytes() const { return word_bytes_total_; }  // of all arrays, no gaps
    std::size_t tiles() const { return tiles_; }

    Tile tile(std::size_t index) const;
    std::size_t first_tile(std::size_t array) const { return first_tile_[array]; }
    // SHA-256, hex, over names, dtypes and shapes in order (FORMAT.md, "Layout hash").
    const std::string& layout_hash() const { return layout_hash_; }

private:
    explicit ArrayTable(TensorLayout layout);

    TensorLayout layout_;
    std::vector<std::size_t> first_tile_;  // (arrays + 1,)
    std::uint64_t words_ = 0;
    std::uint64_t word_bytes_total_ = 0;
    std::size_t tiles_ = 0;
    std::string layout_hash_;
};

// One word, widened. buffer: the table's flat buffer; position: within the tile.
std::uint32_t read_word(std::span<const std::byte> buffer, const Tile& tile, std::size_t position);
void write_word(std::span<std::byte> buffer, const Tile& tile, std::size_t position,
                std::uint32_t word);

}  // namespace dws
