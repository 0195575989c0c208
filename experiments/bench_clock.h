// How the micro-benchmarks take time: of the processor, over all threads of this process, since the
// machine is rarely ours alone; and the median of several.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <vector>

namespace dws {

inline double processor_seconds() {
    std::timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds_of(const auto& work) {
    const double start = processor_seconds();
    work();
    return processor_seconds() - start;
}

inline double median(std::vector<double>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace dws
