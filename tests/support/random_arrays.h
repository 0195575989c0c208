// Small tables of arrays and random contents for them.
#pragma once

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/require.h"
#include "sync/array_table.h"

namespace dws {

using Random = std::mt19937_64;

inline ArrayTable make_table(std::vector<TensorSpec> specs) {
    Result<ArrayTable> table = ArrayTable::make(TensorLayout(std::move(specs)));
    require(bool(table), "the test's arrays make a table");
    return *std::move(table);
}

// Four arrays: less than a tile, more than one, exactly two, and an empty one.
inline ArrayTable mixed_table(DType dtype) {
    return make_table({{"norm.weight", dtype, {96}},
                       {"embed.weight", dtype, {70, 1000}},
                       {"head.weight", dtype, {2, 65'536}},
                       {"unused.weight", dtype, {0, 7}}});
}

// More tiles than a thread takes at once, three words each.
inline ArrayTable table_of_many_tiles(DType dtype) {
    std::vector<TensorSpec> specs;
    for (int index = 0; index < 200; ++index) {
        specs.push_back({"array" + std::to_string(index), dtype, {3}});
    }
    return make_table(specs);
}

// A flat buffer of the table's layout whose words are random bits.
inline Bytes random_words(const ArrayTable& table, Random& random) {
    Bytes words(table.layout().size_bytes());
    for (std::byte& byte : words) byte = static_cast<std::byte>(random());
    return words;
}

// A copy in which every word changed with the given probability, to random bits.
inline Bytes changed_words(const ArrayTable& table, const Bytes& base, double density,
                           Random& random) {
    Bytes next = base;
    std::uniform_real_distribution<double> share(0, 1);
    for (std::size_t index = 0; index < table.tiles(); ++index) {
        const Tile tile = table.tile(index);
        for (std::size_t position = 0; position < tile.words; ++position) {
            if (share(random) >= density) continue;
            write_word(next, tile, position, static_cast<std::uint32_t>(random()));
        }
    }
    return next;
}

}  // namespace dws
