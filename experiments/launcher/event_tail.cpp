#include "experiments/launcher/event_tail.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

namespace dws {

void EventTail::poll(
    const std::function<void(const std::string& source, const nlohmann::json&)>& see) {
    std::error_code absent;
    for (const auto& entry : std::filesystem::directory_iterator(folder_, absent)) {
        if (entry.path().extension() != ".jsonl") continue;
        std::streamoff& read = read_bytes_[entry.path()];
        std::ifstream file(entry.path());
        file.seekg(read);
        for (std::string line; std::getline(file, line);) {
            if (file.eof()) break;  // the line is still being written
            read += static_cast<std::streamoff>(line.size()) + 1;
            const nlohmann::json event = nlohmann::json::parse(line, nullptr, false);
            if (event.is_object()) see(entry.path().stem(), event);
        }
    }
}

}  // namespace dws
