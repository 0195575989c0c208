// What a peer's script prints: a line `versions`, and lines of one kind of measurement each, tab or
// space between the numbers.
#pragma once

#include <functional>
#include <sstream>
#include <string>

namespace dws {

// take(kind, fields): the rest of one line of another kind than `versions`; false when a number of
// it is missing. Returns the versions. Throws std::runtime_error for a line that take() refuses,
// and with the last lines when no versions were told.
std::string read_report(const std::string& output,
                        const std::function<bool(const std::string&, std::istream&)>& take);

// Throws std::runtime_error with the output's last lines unless the report was whole.
void require_whole(bool is_whole, const std::string& output);

}  // namespace dws
