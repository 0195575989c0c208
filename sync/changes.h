// Which words differ between two versions, tile by tile. Words are bits that are compared and
// copied, never added: -0.0 and +0.0 differ, a NaN equals itself.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "sync/array_table.h"

namespace dws {

struct TileChanges {
    std::vector<std::uint16_t> positions;  // (changes,) within the tile, ascending
    std::vector<std::uint32_t> before;     // (changes,) or empty: not known (from raw, gap_delta)
    std::vector<std::uint32_t> after;      // (changes,)

    std::size_t size() const { return positions.size(); }
};

// Tile index -> its changes; untouched tiles are absent.
using Changes = std::map<std::size_t, TileChanges>;

std::uint64_t count(const Changes& changes);

// base, next: two flat buffers of the table's layout.
Changes diff(const ArrayTable& table, std::span<const std::byte> base,
             std::span<const std::byte> next);

// Turns base into next, in place. Positions must fit their tiles (decode_delta() sees to that).
// Memory is what it waits for: two threads take little more than half of one's time.
void patch(const ArrayTable& table, const Changes& changes, std::span<std::byte> words,
           std::size_t threads = 1);

}  // namespace dws
