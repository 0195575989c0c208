// Two checkpoints of one model as pairs of versions: safetensors files, or folders of them.
#pragma once

#include <filesystem>
#include <functional>

#include "experiments/wire/run_pairs.h"

namespace dws {

struct CheckpointCount {
    std::uint64_t words = 0;         // visited
    std::uint64_t other_arrays = 0;  // not of 16-bit words
    std::uint64_t arrays_apart = 0;  // in one checkpoint only, or of another shape or dtype
};

// Visits the arrays of 16-bit words that both have, some at a time, so that a checkpoint of any
// size needs memory for `part_bytes` of each (or for its largest array). Throws std::runtime_error
// for a file that cannot be read or is no safetensors file.
CheckpointCount for_each_checkpoint_pair(const std::filesystem::path& base,
                                         const std::filesystem::path& next, std::size_t part_bytes,
                                         const PairVisit& visit);

}  // namespace dws
