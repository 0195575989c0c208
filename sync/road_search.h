// The road a follower takes next: the cheapest it knows. Where that is long or broken, what a
// compactor offers is asked for first, once for each such situation and not with every poll.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/result.h"
#include "sync/bucket/bucket.h"
#include "sync/road.h"
#include "sync/version_history.h"

namespace dws {

class RoadSearch {
public:
    using PassedOver = std::function<void(const Error&, const std::string& key)>;

    // bucket and history are not owned and outlive this. passed_over: as add_jumps() says.
    RoadSearch(Bucket& bucket, std::string run, VersionHistory& history, PassedOver passed_over)
        : bucket_(bucket),
          run_(std::move(run)),
          history_(history),
          passed_over_(std::move(passed_over)) {}

    // From `held` (-1: nothing) as far towards `target` as pieces lead. Empty: nowhere, or who
    // holds `held` is up to date; then no call is made.
    Road find(std::int64_t held, std::int64_t target, std::stop_token stop);
    // A road that was tried in vain. culprit: the piece at fault; null: not known, so that jumps
    // are suspected before the log is.
    void strike(const Road& road, const Record* culprit);
    // Every piece may be tried again, and a compactor asked again.
    void begin_anew();

private:
    bool is_worth_asking(const Road& road, std::int64_t held, std::int64_t newest) const;

    Bucket& bucket_;
    const std::string run_;
    VersionHistory& history_;
    const PassedOver passed_over_;
    // When a compactor was asked last: the newest version, and what was held. What leads on from a
    // lower version was asked for with it.
    std::int64_t asked_for_ = -1;  // -1: never
    std::int64_t asked_from_ = -1;
};

}  // namespace dws
