// A follower with its own replica that offers shorter roads: folds of several deltas, and later
// anchors. It never touches the log, so it may run anywhere, late, twice, or not at all; what it
// offers is good only for followers whose log says the same.
//
// It starts from the newest anchor, and its folds stand at fixed distances from there: after a
// restart the same ones come next. Memory: the weights, and once more per length of fold (the words
// at the fold's start); twice the weights while an anchor is read.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "sync/bucket/bucket.h"
#include "sync/chain.h"
#include "sync/fetch.h"
#include "sync/replica.h"
#include "sync/upkeep/chain_costs.h"
#include "sync/upkeep/jump_writer.h"
#include "sync/upkeep/run_contents.h"

namespace dws {

struct CompactorOptions {
    CostModel costs;
    JumpWriterOptions writing;  // its run is the run
    Trust trust = {};
};

// What a fold stood for, taken or not.
struct FoldDecision {
    std::int64_t base_version = -1;
    std::int64_t version = -1;
    std::uint64_t road_bytes = 0;  // of the cheapest road without it
    std::uint64_t most_bytes = 0;  // it is worth writing up to this
};

// Called on the thread that calls catch_up().
struct CompactorEvents {
    std::function<void(const Record& anchor, bool is_jump)> started;
    std::function<void(const WrittenJump&, std::uint64_t road_bytes)> offered;
    std::function<void(const FoldDecision&)> declined;
    std::function<void(const Error&, const std::string& next_action)> fault;
};

class Compactor {
public:
    // bucket is not owned and outlives this. Throws std::runtime_error for a cost model that does
    // not fit.
    Compactor(Bucket& bucket, CompactorOptions options, CompactorEvents events);
    ~Compactor();

    // Takes in every version that the log holds now and offers what is worth it; a later anchor
    // only at the newest version, since no newcomer needs one in between. Fault::missing: there is
    // no log yet, or objects are gone and no later anchor is there. After any fault it may be
    // called again, and goes on.
    Result<Done> catch_up(std::stop_token stop);

    // Of the log, as far as it was read.
    const ChainPosition& position() const { return reader_->position(); }
    bool has_log() const { return has_log_; }  // a record of it was read, ever
    std::int64_t version() const;              // held; -1: none
    std::size_t versions_applied() const { return versions_applied_; }
    // What a newcomer reads by the cheapest road, and the anchor it begins with; 0: nothing held.
    std::uint64_t catch_up_bytes() const;
    std::uint64_t anchor_bytes() const { return costs_.anchor_bytes(); }

private:
    struct Held;
    using Known = std::map<std::int64_t, std::map<std::int64_t, Jump>>;  // version, base version

    Result<Done> read_ahead(std::stop_token stop);
    // False: there is none above `after` that is whole.
    Result<bool> load_newest_anchor(std::int64_t after, std::stop_token stop);
    void forget();
    const Jump* known_jump(std::int64_t base_version, std::int64_t version) const;  // null: none
    void say(const Error& error, const std::string& next_action) const;
    Result<Done> read_known_jumps(std::int64_t after, std::stop_token stop);
    Result<Done> load(const Record& anchor, std::stop_token stop);
    Result<Done> take_next(std::stop_token stop);
    Result<StagedVersion> stage(const Record& record, std::stop_token stop);
    Result<Done> fold(std::stop_token stop);
    Result<Done> fold_level(std::size_t level, std::stop_token stop);
    Result<Done> offer_anchor(std::stop_token stop);
    void begin_grid(std::uint64_t anchor_bytes);
    ObjectSource source(std::stop_token stop) const;

    Bucket& bucket_;
    const CompactorOptions options_;
    const CompactorEvents events_;
    std::optional<ChainReader> reader_;  // always there; begins anew with forget()
    ChainCosts costs_;
    bool has_log_ = false;
    std::deque<LoggedRecord> ahead_;  // versions from the held one on; its own record first
    Known known_;                     // sound jumps that were there when the anchor was loaded
    std::unique_ptr<Held> held_;
    std::size_t versions_applied_ = 0;
};

}  // namespace dws
