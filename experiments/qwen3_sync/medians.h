// Medians over a run's last versions: an optimizer's first steps change more words than later ones.
#pragma once

#include <cstdint>
#include <vector>

#include "experiments/qwen3_sync/report.h"

namespace dws {

// The last 20, or the later half of a run with fewer than 40.
inline constexpr std::size_t kLastVersions = 20;

struct SizeMedians {
    double changed_fraction = 0;
    PerKind<double> changed_fraction_of_kind{};
    double bytes_dense = 0, bytes_raw = 0, bytes_gap_delta = 0;
    double bytes_flat = 0, bytes_classes = 0, bytes_smallest = 0;
    double raw_bytes_per_change = 0;
};

SizeMedians medians_of(const std::vector<VersionSizes>& rows);

// The median sync by each number separately; all zero without syncs.
SyncTimes medians_of(const std::vector<SyncTimes>& rows);

// Of all: where a machine's noise must not hide.
double longest_pause_ms(const std::vector<SyncTimes>& rows);

}  // namespace dws
