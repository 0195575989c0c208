#include "sync/array_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/require.h"
#include "sync/sha256.h"
#include "sync/words.h"

namespace dws {

namespace {

std::string hash_of(const TensorLayout& layout) {
    std::string text;
    for (const TensorSpec& spec : layout.specs()) {
        std::string shape;
        for (const std::int64_t extent : spec.shape) {
            if (!shape.empty()) shape += ',';
            shape += std::to_string(extent);
        }
        text +=
            fmt::format("{} [{}] {}:{}\n", name_of(spec.dtype), shape, spec.name.size(), spec.name);
    }
    return sha256_hex(bytes_of(text));
}

}  // namespace

Result<ArrayTable> ArrayTable::make(TensorLayout layout) {
    for (const TensorSpec& spec : layout.specs()) {
        if (width_bytes(spec.dtype) <= 4) continue;
        return Error{Fault::corrupt, fmt::format("array {} is {}: words have 1, 2 or 4 bytes",
                                                 spec.name, name_of(spec.dtype))};
    }
    return ArrayTable(std::move(layout));
}

ArrayTable::ArrayTable(TensorLayout layout)
    : layout_(std::move(layout)), layout_hash_(hash_of(layout_)) {
    first_tile_.reserve(layout_.specs().size() + 1);
    for (const TensorSpec& spec : layout_.specs()) {
        first_tile_.push_back(tiles_);
        const std::size_t elements = spec.elements();
        words_ += elements;
        word_bytes_total_ += elements * width_bytes(spec.dtype);
        tiles_ += elements / kTileWords + (elements % kTileWords == 0 ? 0 : 1);
    }
    first_tile_.push_back(tiles_);
}

Tile ArrayTable::tile(std::size_t index) const {
    require(index < tiles_, "a tile's index is below tiles()");
    // The last array that starts at or before the tile: an array without words owns no tile.
    const auto after = std::upper_bound(first_tile_.begin(), first_tile_.end(), index);
    const std::size_t array = static_cast<std::size_t>(after - first_tile_.begin()) - 1;
    const TensorSpec& spec = layout_.specs()[array];
    const std::size_t first_word = (index - first_tile_[array]) * kTileWords;
    const std::size_t width = width_bytes(spec.dtype);
    return Tile{.array = array,
                .first_word = first_word,
                .words = std::min(kTileWords, spec.elements() - first_word),
                .offset_bytes = layout_.offset_bytes(array) + first_word * width,
                .word_bytes = width};
}

std::uint32_t read_word(std::span<const std::byte> buffer, const Tile& tile, std::size_t position) {
    const std::byte* from = buffer.data() + tile.offset_bytes + position * tile.word_bytes;
    return with_word_type(tile.word_bytes, [&](auto type) -> std::uint32_t {
        return load_word<decltype(type)>(from);
    });
}

void write_word(std::span<std::byte> buffer, const Tile& tile, std::size_t position,
                std::uint32_t word) {
    std::byte* to = buffer.data() + tile.offset_bytes + position * tile.word_bytes;
    with_word_type(tile.word_bytes,
                   [&](auto type) { store_word(to, static_cast<decltype(type)>(word)); });
}

}  // namespace dws
