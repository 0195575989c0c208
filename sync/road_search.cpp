#include "sync/road_search.h"

#include "sync/jump_search.h"

namespace dws {
namespace {

// A road of so many pieces is worth a listing. At equal latency a listing, a jump and its object
// take as long as three pieces, and who is fewer versions behind is so after every pause.
constexpr std::size_t kLongRoad = 4;
// Who holds nothing fetches an anchor, which costs as much as many deltas: the newest is wanted.
constexpr std::size_t kLongFirstRoad = 2;

}  // namespace

Road RoadSearch::find(std::int64_t held, std::int64_t target, std::stop_token stop) {
    const std::int64_t newest = history_.newest_version(target);
    if (newest <= held) {
        asked_for_ = -1;
        return {};
    }
    Road road = history_.road(held, target);
    if (!is_worth_asking(road, held, newest)) return road;
    asked_for_ = newest;
    asked_from_ = held;
    add_jumps(bucket_, run_, held, target, history_, passed_over_, std::move(stop));
    return history_.road(held, target);
}

bool RoadSearch::is_worth_asking(const Road& road, std::int64_t held, std::int64_t newest) const {
    const bool is_whole = !road.empty() && road.back()->version == newest;
    // A road that is broken is asked for with every version, one that is only long more seldom.
    const std::int64_t patience_versions = is_whole ? kLongRoad : 1;
    const bool was_asked = asked_for_ >= 0 && asked_from_ <= held;
    if (was_asked && newest < asked_for_ + patience_versions) return false;
    return !is_whole || road.size() >= (held < 0 ? kLongFirstRoad : kLongRoad);
}

void RoadSearch::strike(const Road& road, const Record* culprit) {
    if (culprit != nullptr) return history_.strike(*culprit);
    bool has_jump = false;
    for (const Record* piece : road) {
        if (!history_.is_jump(*piece)) continue;
        history_.strike(*piece);
        has_jump = true;
    }
    if (!has_jump) history_.strike(*road.front());
}

void RoadSearch::begin_anew() {
    history_.forgive_all();
    asked_for_ = -1;
}

}  // namespace dws
