// The rest of what a version costs a sender or a receiver, each beside a copy of the weights, on
// one thread: detecting, staging, digesting, committing; and the codec's kernels one by one.
#pragma once

#include <string>
#include <vector>

#include "experiments/wire/measure.h"

namespace dws {

struct OperationRow {
    std::string operation;
    Timing timing;
    Timing copy;
};

// words: working memory of the size of the pair's buffers. Throws std::runtime_error when words
// come back other than they must.
std::vector<OperationRow> measure_operations(const VersionPair& pair, std::size_t rounds,
                                             Bytes& words);

struct KernelRow {
    std::string kernels;  // "portable", "AVX2", ...
    std::string format;
    std::uint64_t bytes;  // of all tiles
    Timing encode, patch, copy;
};

std::vector<KernelRow> measure_kernels(const VersionPair& pair, std::size_t rounds, Bytes& words);

}  // namespace dws
