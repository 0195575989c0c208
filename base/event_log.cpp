#include "base/event_log.h"

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/clock.h"

namespace dws {
namespace {

std::FILE* open_for_appending(const std::filesystem::path& file) {
    if (file.empty()) return nullptr;
    std::error_code ignored;  // a folder that cannot be made shows when the file is opened
    if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), ignored);
    std::FILE* opened = std::fopen(file.c_str(), "ab");
    if (opened == nullptr)
        throw std::runtime_error("cannot write event log " + file.string() + ": " +
                                 std::strerror(errno));
    return opened;
}

// Numbers that JSON cannot hold (infinity, not-a-number) become null; bytes that are not UTF-8
// become the replacement character.
std::string json_line(std::string_view program, std::string_view event, const Facts& facts) {
    nlohmann::ordered_json line;
    line["time_unix_s"] = wall_s();
    line["program"] = program;
    line["event"] = event;
    for (const auto& [name, value] : facts)
        std::visit([&](const auto& fact) { line[name] = fact; }, value);
    using Handler = nlohmann::ordered_json::error_handler_t;
    return line.dump(-1, ' ', false, Handler::replace) + '\n';
}

// Details may quote foreign bytes, which must neither break the line nor steer a terminal.
std::string human_line(std::string_view text) {
    std::string line(text);
    for (char& letter : line)
        if (static_cast<unsigned char>(letter) < ' ' || letter == '\x7f') letter = ' ';
    return line + '\n';
}

bool write_whole(std::FILE* file, const std::string& line) {
    const bool is_written = std::fwrite(line.data(), 1, line.size(), file) == line.size();
    const bool is_flushed = std::fflush(file) == 0;
    std::clearerr(file);
    return is_written && is_flushed;
}

}  // namespace

EventLog::EventLog(std::string program, const std::filesystem::path& json_file)
    : program_(std::move(program)), json_(open_for_appending(json_file)) {}

EventLog::~EventLog() {
    if (json_ != nullptr) std::fclose(json_);
}

void EventLog::write(std::string_view event, std::string_view human, const Facts& facts) {
    const std::string for_people = human.empty() ? std::string() : human_line(human);
    const std::string for_programs = json_line(program_, event, facts);

    std::unique_lock lock(mutex_);
    if (!for_people.empty()) write_whole(stdout, for_people);
    if (json_ == nullptr || write_whole(json_, for_programs) || has_failed_) return;
    has_failed_ = true;
    std::fprintf(stderr, "%s: event log cannot be written (%s); going on without\n",
                 program_.c_str(), std::strerror(errno));
}

}  // namespace dws
