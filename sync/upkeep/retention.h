// What a run's bucket may forget (CHAINS.md, "Retention"). It keeps the newest two anchors, those
// of the log or of jumps, everything after the older one, and what is younger than keep_hours; the
// log stays forever. A pure function: whoever has the plan carries it out in its order.
//
// The order is such that whoever stops at any point leaves a sound run: entries of jumps before
// their objects, versions from the oldest on, games last. So what is gone is always gone from the
// beginning: from the first anchor that is there whole, everything is.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "sync/upkeep/run_contents.h"

namespace dws {

struct RunContents {
    std::vector<LoggedRecord> records;  // the whole log, in order, with its games
    std::vector<FoundJump> jumps;
    // Keys without the run's prefix, listed before the records were read.
    std::set<std::string> objects;
    std::set<std::string> games;
    std::set<std::string> receipts;
};

struct Removal {
    std::string key;  // without the run's prefix
    std::string reason;
    std::uint64_t size_bytes = 0;  // 0: nothing says
};

// Objects that stay for one reason.
struct Kept {
    std::string reason;
    std::size_t objects = 0;
    std::uint64_t size_bytes = 0;  // of those whose size a record or a jump says
};

struct KeptAnchor {
    std::int64_t version = -1;
    std::vector<ObjectRef> objects;
    Digest digest;  // of the version, as the log says
};

struct RetentionPlan {
    std::int64_t oldest_anchor = -1;  // everything from it on stays; -1: all of it stays
    std::string why;                  // it is that one, or why nothing goes
    std::vector<Removal> removals;    // in order
    std::vector<Kept> kept;
    // What nothing may be removed without: the anchors that stay.
    std::vector<KeptAnchor> needed;
};

// The writer's clock in each record says how old it is (a label: a clock that is wrong keeps less
// or more than asked for, never less than two anchors). now_unix_s: of the caller's clock.
RetentionPlan plan_retention(const RunContents& contents, double now_unix_s, double keep_hours);

}  // namespace dws
