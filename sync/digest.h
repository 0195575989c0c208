// The digest of a version: a keyed sum, mod 2^64 in two independent lanes, of mix(array, position,
// word) over all words. A sum is updated in O(changed): add mix(new), subtract mix(old). The mix
// is integer multiplies, shifts and xors, so CPU and GPU agree. It catches errors, not attackers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sync/array_table.h"
#include "sync/changes.h"

namespace dws {

struct Digest {
    std::uint64_t lanes[2] = {0, 0};

    Digest& operator+=(const Digest& other);
    Digest& operator-=(const Digest& other);
    bool operator==(const Digest&) const = default;

    std::string hex() const;  // 32 digits, lane 0 first
    static std::optional<Digest> from_hex(std::string_view text);
};

// The two seeds of one array: from its name, so that arrays cannot be exchanged unnoticed.
struct ArraySeed {
    std::uint64_t lanes[2];
};
ArraySeed array_seed(std::string_view name);

// mix() of one word at its position within the array.
Digest mix(const ArraySeed& seed, std::uint64_t position, std::uint32_t word);

// Over one tile of a flat buffer.
Digest digest_tile(const ArrayTable& table, std::size_t tile, std::span<const std::byte> words);

// Over all tiles: one digest per tile. Their sum is the version's digest.
std::vector<Digest> digest_tiles(const ArrayTable& table, std::span<const std::byte> words,
                                 std::size_t threads = 1);
Digest sum(std::span<const Digest> tiles);

// What the changes add to their tile's digest; `before` must be known.
Digest digest_change(const ArrayTable& table, std::size_t tile, const TileChanges& changes);

}  // namespace dws
