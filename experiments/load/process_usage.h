// What a running process has taken from the machine so far, as the kernel
// counts it.
#pragma once

#include <sys/types.h>

namespace dws {

struct ProcessUsage {
    double rss_mib = 0;      // resident now
    double processor_s = 0;  // user and system, all threads, since its start
};

// Throws std::runtime_error when there is no such process.
ProcessUsage usage_of(pid_t process);

}  // namespace dws
