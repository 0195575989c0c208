// The versions a follower has read of in the log: from the anchor it would rebuild from up to the
// newest, staged or not. One record (a few hundred bytes) per version since that anchor.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "sync/record.h"

namespace dws {

class VersionHistory {
public:
    // Records of anchors and deltas, in the log's order; others are not versions and ignored. The
    // games a record names are not kept. Pointers given out stay good until forget_before().
    void add(Record record);
    // Drops what nobody needs who holds version `held` and will only go forward.
    void forget_before(std::int64_t held);

    // What to hold after `held`, and not above limit: the next version, or for who holds none (-1)
    // the newest anchor. Null: nothing yet.
    const Record* next_after(std::int64_t held, std::int64_t limit) const;
    // Null: none yet. Where whoever holds no version may begin, whatever is held back.
    const Record* oldest_anchor() const;
    // Null when there is none in (after, limit].
    const Record* newest_anchor(std::int64_t after, std::int64_t limit) const;
    // The newest anchor that is not above `version`, and the deltas from there to `version`. Empty
    // when the history knows no such road.
    std::vector<const Record*> road_to(std::int64_t version) const;

private:
    std::deque<Record> versions_;  // ascending
};

}  // namespace dws
