#include "experiments/faults/call.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "experiments/launcher/child_process.h"

namespace dws {

Called call(const std::vector<std::string>& command, double timeout_s) {
    std::string pattern = (std::filesystem::temp_directory_path() / "dws-call-XXXXXX").string();
    const int descriptor = ::mkstemp(pattern.data());
    if (descriptor < 0) throw std::runtime_error("no temporary file for the output of a command");
    ::close(descriptor);
    Called called;
    {
        ChildProcess process(command, pattern);
        called.status = process.wait_s(timeout_s).value_or(-1);
    }
    std::ifstream input(pattern);
    called.text.assign(std::istreambuf_iterator<char>(input), {});
    std::filesystem::remove(pattern);
    return called;
}

}  // namespace dws
