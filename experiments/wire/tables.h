// The rows of the tables about the wire.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/result_table.h"
#include "experiments/wire/measure.h"

namespace dws {

// One format on one scenario; may add up several pairs of versions.
struct WireRow {
    std::string scenario;
    std::string format;
    std::uint64_t words = 0;
    std::uint64_t changed_words = 0;
    std::uint64_t bytes = 0;
    FormatTimings timings;

    // scenario and format stay.
    WireRow& operator+=(const WireRow& other);
};

// Every format on one scenario per row.
const std::vector<std::string>& wire_columns();
std::vector<std::string> cells_of(const WireRow& row);

}  // namespace dws
