// What a verb prints: facts as one JSON line for programs, or the line for people.
#pragma once

#include <string>

#include "base/event_log.h"

namespace dws {

// One JSON object, no line end. Bytes that are not printable ASCII are written as \u00xx.
std::string json_line(const Facts& facts);

// One line on standard output, flushed, so that who follows through a pipe sees it now.
void print_line(const std::string& line);
// The same on standard error.
void print_error(const std::string& line);

}  // namespace dws
