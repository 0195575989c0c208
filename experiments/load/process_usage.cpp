#include "experiments/load/process_usage.h"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace dws {
namespace {

std::string contents_of(const std::string& file) {
    std::ifstream input(file);
    if (!input) throw std::runtime_error("cannot read " + file + ": has the process ended?");
    std::ostringstream contents;
    contents << input.rdbuf();
    return contents.str();
}

}  // namespace

ProcessUsage usage_of(pid_t process) {
    const std::string folder = "/proc/" + std::to_string(process);
    ProcessUsage usage;

    // statm (proc(5)): total and resident pages.
    std::istringstream pages(contents_of(folder + "/statm"));
    double total_pages = 0, resident_pages = 0;
    pages >> total_pages >> resident_pages;
    usage.rss_mib = resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / 0x1p20;

    // stat (proc(5)): fields 14 and 15 are ticks. Field 2, the name in brackets,
    // may hold blanks.
    const std::string stat = contents_of(folder + "/stat");
    std::istringstream fields(stat.substr(stat.rfind(')') + 1));
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    double user_ticks = 0, system_ticks = 0;
    fields >> user_ticks >> system_ticks;
    usage.processor_s = (user_ticks + system_ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
    return usage;
}

}  // namespace dws
