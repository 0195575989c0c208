// Stops the program when a promise made inside this repository is broken.
// For bugs only: bytes from disk, network or a user are answered with an Error, never with this.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace dws {

inline void require(bool promise, const char* what,
                    std::source_location where = std::source_location::current()) {
    if (promise) [[likely]]
        return;
    std::fprintf(stderr, "%s:%u: broken promise: %s\n", where.file_name(), where.line(), what);
    std::abort();
}

}  // namespace dws
