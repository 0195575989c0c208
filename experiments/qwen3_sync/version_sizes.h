// One version against the one before: which words changed, and what they take in each format, as
// whole files with headers, as they would stand in the bucket.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/qwen3_sync/array_kind.h"
#include "experiments/wire/recorded_run.h"

namespace dws {

// Bytes of a version in each format.
struct FormatBytes {
    std::uint64_t dense = 0;      // all words, no header
    std::uint64_t raw = 0;        // positions and new words: what is published
    std::uint64_t gap_delta = 0;  // gaps and new words
    std::uint64_t flat = 0;       // compact F
    std::uint64_t classes = 0;    // compact X
    std::uint64_t smallest = 0;   // compact, per tile the smaller: what is shipped here
};

struct VersionSizes {
    std::int64_t version = 0;
    std::int64_t trainer_step = 0;
    PerKind<std::uint64_t> words{};
    PerKind<std::uint64_t> changed{};
    FormatBytes bytes{};

    std::uint64_t all_words() const;
    std::uint64_t all_changed() const;
};

// Takes the run one version further. Arrays of 16-bit words only. threads: of the compact encoders.
VersionSizes next_sizes(RecordedRun& run, std::size_t threads);

// A line per version under a header, tab-separated; what one writes the other reads. Both throw
// std::runtime_error naming the file.
void write_sizes(const std::filesystem::path& file, const std::string& note,
                 const std::vector<VersionSizes>& rows);
std::vector<VersionSizes> read_sizes(const std::filesystem::path& file);

}  // namespace dws
