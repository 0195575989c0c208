// Reads the JSON lines that the programs of a run write, as they appear.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dws {

class EventTail {
public:
    // folder: where every program of the run keeps its `.jsonl` file; may not exist yet.
    explicit EventTail(std::filesystem::path folder) : folder_(std::move(folder)) {}

    // Calls `see` for each whole line written since the last call, file by file. source: the
    // file's name without extension, one per process.
    void poll(const std::function<void(const std::string& source, const nlohmann::json&)>& see);

private:
    const std::filesystem::path folder_;
    std::map<std::filesystem::path, std::streamoff> read_bytes_;
};

}  // namespace dws
