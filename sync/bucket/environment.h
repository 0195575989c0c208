// The process's environment variables as a function, so that a test can put others in its place.
// Only addresses and credentials of object stores are read from there; settings never are.
#pragma once

#include <functional>
#include <string>

namespace dws {

// The variable's value; empty when it is not set.
using Environment = std::function<std::string(const std::string& name)>;

Environment process_environment();

}  // namespace dws
