// One optimizer step whose delta is finished: every tile was encoded while its words were in cache.
// What the fused pass hands to an idle publisher, which has only files to cut and to send.
#pragma once

#include <cstdint>
#include <vector>

#include "sync/codec/compact_file.h"
#include "sync/digest.h"
#include "sync/record.h"

namespace dws {

struct EncodedStep {
    ClassTable classes;             // what the tiles were encoded by
    std::vector<CompactBody> runs;  // ascending, without a gap, all tiles of the table
    Digest change;                  // what the step adds to the version's digest
    std::vector<GamesConsumed> games;
    TrainedStep trained = {};       // its groups; empty: not said
    std::int64_t trainer_step = 0;  // after the step
};

inline std::uint64_t count(const EncodedStep& step) {
    std::uint64_t words = 0;
    for (const CompactBody& run : step.runs) words += run.changed_words;
    return words;
}

}  // namespace dws
