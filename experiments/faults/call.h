// A command that is waited for, and what it printed.
#pragma once

#include <string>
#include <vector>

namespace dws {

struct Called {
    int status = -1;   // 128 + the signal that ended it
    std::string text;  // both streams, in order
};

// Ends the command after so long. command[0]: a path, or a name looked up in PATH.
Called call(const std::vector<std::string>& command, double timeout_s);

}  // namespace dws
