#include "experiments/model_speed/peak_memory.h"

#include <malloc.h>

#include <fstream>
#include <stdexcept>
#include <string>

namespace dws {

void reset_peak_memory() {
    malloc_trim(0);  // what earlier measurements have freed is given back first
    std::ofstream("/proc/self/clear_refs") << "5";  // proc(5): the peak becomes what is now
}

double peak_memory_mib() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        double kib = 0;
        if (word == "VmHWM:" && status >> kib) return kib / 1024;
    }
    throw std::runtime_error("/proc/self/status does not tell the peak memory");
}

}  // namespace dws
