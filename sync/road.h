// The cheapest way from one version to a later one, through whatever pieces there are: anchors and
// deltas of the log, later anchors and folds of a compactor.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sync/record.h"

namespace dws {

// Anchors and deltas in the order they are taken: each builds on the version of the one before, or
// on what is held, or, an anchor, on nothing.
using Road = std::vector<const Record*>;

struct RoadPiece {
    std::int64_t base_version;  // -1: an anchor
    std::int64_t version;       // above base_version
    std::uint64_t bytes;        // to fetch
    const Record* record;
};

// Of the objects a follower fetches. A sum beyond 64 bits, which only a false claim gives, stays
// at their end.
std::uint64_t fetched_bytes(const Record& record);

// The fewest bytes, among equals the fewest pieces, from `held` (-1: nothing) to the highest
// version that can be reached and is not above `target`, through versions above `held` alone.
// Empty: there is none. An anchor is a way forward for who holds a version, too. pieces: ascending
// in their version. Takes a time proportional to the pieces, but for a binary search each.
Road cheapest_road(std::span<const RoadPiece> pieces, std::int64_t held, std::int64_t target);

}  // namespace dws
