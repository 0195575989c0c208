// What became of every game group, in the form a log record names it: each worker's numbers
// without gaps, each group in exactly one record.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sync/record.h"

namespace dws {

enum class Verdict {
    trained,  // part of the next step
    skipped,  // teaches nothing
    stale,    // too old
    surplus,  // a demonstration when none is wanted any more; a record names it with the stale
    refused,  // unreadable or unsafe
};

class GamesLedger {
public:
    // Each worker's groups come in order. A worker's first number here is the one after its last
    // recorded group.
    void note(const std::string& worker, std::int64_t number, Verdict verdict);

    struct Decided {
        std::vector<GamesConsumed> games;
        TrainedStep trained;  // in the order they were noted; workers are indices into games
    };
    // Everything noted since the last call. The caller records it with the weights that hold the
    // trained ones; nothing noted may still be waiting to be trained.
    Decided take();
    bool is_empty() const { return noted_.empty(); }

    std::int64_t total(Verdict verdict) const;  // since the start of this process

private:
    std::map<std::string, GamesConsumed> noted_;                 // by worker
    std::vector<std::pair<std::string, std::int64_t>> trained_;  // worker and number, in order
    std::map<std::string, std::int64_t> next_;                   // worker -> number expected
    std::map<Verdict, std::int64_t> totals_;
};

}  // namespace dws
