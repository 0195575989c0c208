// What a verb prints: facts as one JSON line for programs, or the line for people.
#pragma once

#include <string>

#include "base/event_log.h"
#include "base/result.h"

namespace dws {

// One JSON object, no line end. Control characters are written as \u00xx, and in a text that is not
// UTF-8 every byte above 0x7f, so that the line is JSON whatever the text.
std::string json_line(const Facts& facts);

// One line on standard output, flushed, so that who follows through a pipe sees it now. Control
// characters in it are made visible.
void print_line(const std::string& line);
// The same on standard error.
void print_error(const std::string& line);

// Ends a verb: the line on standard error, with --json also as {"ok":false,...} on standard output.
// Returns the exit status.
int fail(const std::string& line, bool is_json);
// "fault: detail; next action". For what the bucket or another machine did.
int fail(const Error& error, bool is_json);
// The same for a file of this machine. what: how the user calls it, "BASE".
int fail_locally(const std::string& what, const Error& error, bool is_json);

// "1,234,567"
std::string with_commas(std::uint64_t number);

}  // namespace dws
