// The most memory this process has had, as the kernel counts it.
#pragma once

namespace dws {

// Counting begins anew; where the kernel does not allow that, it goes on since the process's start.
void reset_peak_memory();

// MiB resident at the most. Throws std::runtime_error where there is no such count.
double peak_memory_mib();

}  // namespace dws
