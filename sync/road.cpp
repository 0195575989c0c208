#include "sync/road.h"

#include <algorithm>
#include <tuple>

#include "base/require.h"

namespace dws {
namespace {

std::uint64_t bounded_sum(std::uint64_t one, std::uint64_t other) {
    return one > UINT64_MAX - other ? UINT64_MAX : one + other;
}

// A version that can be reached, and how it is reached best.
struct Stop {
    std::int64_t version;
    std::uint64_t bytes = 0;
    std::size_t pieces = 0;
    const Record* last = nullptr;  // the last piece on the way; null where the way begins
    std::size_t previous = 0;      // index of the stop that piece builds on

    bool is_better_than(const Stop& other) const {
        return std::tie(bytes, pieces) < std::tie(other.bytes, other.pieces);
    }
};

}  // namespace

std::uint64_t fetched_bytes(const Record& record) {
    std::uint64_t bytes = 0;
    for (const ObjectRef& object : record.objects)
        if (holds_words(object)) bytes = bounded_sum(bytes, object.size_bytes);
    return bytes;
}

Road cheapest_road(std::span<const RoadPiece> pieces, std::int64_t held, std::int64_t target) {
    std::vector<Stop> stops{{.version = -1}};  // ascending
    if (held >= 0) stops.push_back({.version = held});
    for (const RoadPiece& piece : pieces) {
        if (piece.version <= held) continue;
        if (piece.version > target) break;
        require(piece.version >= stops.back().version, "pieces ascend in their version");
        const auto base = std::lower_bound(
            stops.begin(), stops.end(), piece.base_version,
            [](const Stop& stop, std::int64_t version) { return stop.version < version; });
        if (base == stops.end() || base->version != piece.base_version) continue;
        const Stop reached{.version = piece.version,
                           .bytes = bounded_sum(base->bytes, piece.bytes),
                           .pieces = base->pieces + 1,
                           .last = piece.record,
                           .previous = static_cast<std::size_t>(base - stops.begin())};
        if (stops.back().version < piece.version)
            stops.push_back(reached);
        else if (reached.is_better_than(stops.back()))
            stops.back() = reached;
    }
    Road road;
    for (const Stop* stop = &stops.back(); stop->last != nullptr; stop = &stops[stop->previous])
        road.push_back(stop->last);
    std::reverse(road.begin(), road.end());
    return road;
}

}  // namespace dws
