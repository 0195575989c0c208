#include "experiments/result_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace dws {

std::string number(double value) { return fmt::format("{:.4g}", value); }

Table::Table(const std::filesystem::path& file, const std::string& note,
             const std::vector<std::string>& columns)
    : path_(file), columns_(columns) {
    if (!file.parent_path().empty()) std::filesystem::create_directories(file.parent_path());
    file_.open(file);
    if (!note.empty()) file_ << "# " << note << '\n';
    write_line(columns);
}

void Table::add(const std::vector<std::string>& cells) {
    write_line(cells);
    if (!has_printed_) fmt::print("\n{}\n{}\n", path_.string(), line_of(columns_));
    has_printed_ = true;
    fmt::print("{}\n", line_of(cells));
    std::fflush(stdout);
}

// The first columns, aligned; the file has them all. Labels stand in the first two.
std::string Table::line_of(const std::vector<std::string>& cells) const {
    constexpr std::size_t kShown = 11;
    constexpr std::size_t kLabelWidth = 22;
    constexpr std::size_t kNumberWidth = 8;
    std::string line;
    for (std::size_t cell = 0; cell < std::min(cells.size(), kShown); ++cell) {
        const std::size_t narrowest = cell < 2 ? kLabelWidth : kNumberWidth;
        line += fmt::format("{:<{}} ", cells[cell], std::max(columns_[cell].size(), narrowest));
    }
    return line;
}

void Table::write_line(const std::vector<std::string>& cells) {
    for (std::size_t cell = 0; cell < cells.size(); ++cell) {
        file_ << (cell == 0 ? "" : "\t") << cells[cell];
    }
    file_ << '\n' << std::flush;
    if (!file_) throw std::runtime_error(path_.string() + ": cannot be written");
}

}  // namespace dws
