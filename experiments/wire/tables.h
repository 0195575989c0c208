// Results as tab-separated files, and as lines for who watches.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "experiments/wire/measure.h"

namespace dws {

// A file of rows under a header. Throws std::runtime_error when it cannot be written.
class Table {
public:
    // note: a comment above the header, such as machine and commit; may be empty.
    Table(const std::filesystem::path& file, const std::string& note,
          const std::vector<std::string>& columns);

    // Cells in the columns' order. Also printed.
    void add(const std::vector<std::string>& cells);

private:
    void write_line(const std::vector<std::string>& cells);
    std::string line_of(const std::vector<std::string>& cells) const;

    const std::filesystem::path path_;
    const std::vector<std::string> columns_;
    std::ofstream file_;
    bool has_printed_ = false;
};

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

// Four significant digits.
std::string number(double value);

}  // namespace dws
