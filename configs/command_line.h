// The command line that every executable shares: --config FILE, --set KEY=VALUE, --help.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "configs/config.h"

namespace dws {

// A flag of one executable's own, "--resume" or "--evaluate VERSION".
struct ExtraFlag {
    std::string name;  // "--resume"
    std::string help;
    bool* is_set = nullptr;        // one of the two: a switch, or
    std::string* value = nullptr;  // a text value
};

// Parses, loads the config, runs `body` and turns what it throws into one line on standard error
// and exit status 1 (2 for a wrong command line). Returns the exit status.
int run_main(int argc, char** argv, const std::string& description,
             const std::vector<ExtraFlag>& flags, const std::function<int(const Config&)>& body);

}  // namespace dws
