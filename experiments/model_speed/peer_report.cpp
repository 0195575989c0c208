#include "experiments/model_speed/peer_report.h"

#include <stdexcept>

#include "experiments/model_speed/peer_script.h"

namespace dws {

std::string read_report(const std::string& output,
                        const std::function<bool(const std::string&, std::istream&)>& take) {
    std::string versions;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string kind;
        fields >> kind;
        if (kind == "versions")
            std::getline(fields >> std::ws, versions);
        else if (!take(kind, fields))
            throw std::runtime_error("not a measurement: " + line);
    }
    require_whole(!versions.empty(), output);
    return versions;
}

void require_whole(bool is_whole, const std::string& output) {
    if (!is_whole) throw std::runtime_error("not a whole report:\n" + last_lines(output));
}

}  // namespace dws
