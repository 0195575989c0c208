// What a program did, said twice: one line for people on standard output, and the same facts as
// one JSON line in a file. Libraries print nothing; only executables own an EventLog.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dws {

// A fact's value. Units stand last in the fact's name: "pause_ms", "size_bytes".
using FactValue = std::variant<bool, std::int64_t, double, std::string>;
using Fact = std::pair<std::string, FactValue>;
using Facts = std::vector<Fact>;

class EventLog {
public:
    // program: the executable's name, written into every line. json_file: opened for appending,
    // folders are made; empty means no file. Throws std::runtime_error when it cannot be opened.
    EventLog(std::string program, const std::filesystem::path& json_file);
    ~EventLog();
    EventLog(const EventLog&) = delete;
    EventLog& operator=(const EventLog&) = delete;

    // event: what happened, one word of the field ("step", "commit", "fault"). human: the line for
    // people; empty prints none. Whole lines, flushed; safe to call from any thread. A full disk
    // loses JSON lines (once reported on standard error), never the program.
    void write(std::string_view event, std::string_view human, const Facts& facts);

private:
    const std::string program_;
    std::mutex mutex_;
    std::FILE* json_ = nullptr;  // guarded by mutex_
    bool has_failed_ = false;    // guarded by mutex_
};

}  // namespace dws
