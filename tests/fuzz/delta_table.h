// The arrays and the base that fuzzed deltas are decoded against. Their layout hash stands in the
// corpus: another table here makes its compact deltas worthless (corpus_test.cpp would tell).
#pragma once

#include "sync/changes.h"
#include "tests/support/random_arrays.h"

namespace dws {

struct DeltaTable {
    // Less than a tile and more than one, every width, an array without words, one of one word.
    ArrayTable table = make_table({{"a", DType::kBF16, {2, 500}},
                                   {"b", DType::kF8E4M3, {12}},
                                   {"empty", DType::kF16, {0, 3}},
                                   {"c", DType::kF32, {3}},
                                   {"one", DType::kI32, {1}},
                                   {"long", DType::kU8, {65'540}}});
    Bytes base = Bytes(table.layout().size_bytes());
    std::int64_t version = 1;
    std::int64_t base_version = 0;

    DeltaTable() {
        Random random(1);
        for (std::size_t index = 0; index < table.tiles(); ++index) {
            const Tile tile = table.tile(index);
            for (std::size_t position = 0; position < tile.words; ++position) {
                const auto word = static_cast<std::uint32_t>(random());
                // Half of the bf16 words have exponents of weights, the rest are anything.
                const bool is_weight = tile.array == 0 && position % 2 == 0;
                write_word(base, tile, position,
                           is_weight ? (word & 0x807f) | (110 + word % 16) << 7 : word);
            }
        }
    }
};

}  // namespace dws
