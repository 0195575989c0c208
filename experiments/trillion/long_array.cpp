#include "experiments/trillion/long_array.h"

#include <stdexcept>

#include "sync/changes.h"
#include "sync/codec/interchange.h"
#include "sync/digest.h"

namespace dws {

namespace {

constexpr std::int64_t kTwoToThe32 = std::int64_t{1} << 32;
constexpr std::uint32_t kBefore = 0x3f80;  // bf16 1.0
constexpr std::uint32_t kAfter = 0x3f81;

TileChanges some_changes() {
    return {{0, 1, 65'535}, {kBefore, kBefore, kBefore}, {kAfter, kAfter, kAfter}};
}

void check_digest(const ArrayTable& table, std::size_t tile, const TileChanges& changes) {
    const Tile place = table.tile(tile);
    const ArraySeed seed = array_seed(table.layout().specs()[place.array].name);
    Digest expected;
    for (std::size_t change = 0; change < changes.size(); ++change) {
        const std::uint64_t position = place.first_word + changes.positions[change];
        expected += mix(seed, position, changes.after[change]);
        expected -= mix(seed, position, changes.before[change]);
    }
    if (digest_change(table, tile, changes) != expected) {
        throw std::runtime_error("positions past 2^32 have another digest");
    }
}

}  // namespace

TensorSpec long_array() {
    return {"synthetic.long.weight",
            DType::kBF16,
            {kTwoToThe32 + 16 * static_cast<std::int64_t>(kTileWords)}};
}

void check_long_array(const ArrayTable& table, std::size_t array) {
    const std::size_t last = table.first_tile(array + 1) - 1;
    const Changes changes{{table.first_tile(array), some_changes()}, {last, some_changes()}};
    if (table.tile(last).first_word <= static_cast<std::uint64_t>(kTwoToThe32)) {
        throw std::runtime_error("the long array is too short");
    }
    check_digest(table, last, changes.at(last));
    for (const Encoding encoding : {Encoding::raw, Encoding::gap_delta}) {
        Changes decoded;
        bool is_sound = true;
        encode_delta(table, changes, 1, encoding, SIZE_MAX, [&](const Bytes& file) {
            is_sound = is_sound && static_cast<bool>(decode_delta(table, file, 1, decoded));
            return true;
        });
        is_sound = is_sound && decoded.size() == changes.size();
        for (const auto& [tile, expected] : changes) {
            is_sound = is_sound && decoded[tile].positions == expected.positions &&
                       decoded[tile].after == expected.after;
        }
        if (!is_sound) throw std::runtime_error("positions past 2^32 do not survive");
    }
}

}  // namespace dws
