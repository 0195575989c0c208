// Results as tab-separated files, and as lines for who watches.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

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

// Four significant digits.
std::string number(double value);

}  // namespace dws
