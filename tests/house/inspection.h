// The house rules that a machine can check. A rule stands here, or it is only an opinion.
// source_violations() and text_violations(), at the end, are for tidy_test.cpp alone.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace dws {

using Names = std::set<std::string>;
using Violations = std::vector<std::string>;  // "FILE:LINE: what is wrong"

inline constexpr std::size_t kColumns = 100;
inline constexpr std::size_t kFileLines = 500;

// Room -> the rooms whose headers it may include. Tests and experiments may include anything;
// nothing includes them.
inline const std::map<std::string, Names> kMayInclude{
    {"base", {"base"}},
    {"env_wordle", {"env_wordle", "base"}},
    {"model", {"model", "base"}},
    {"sync", {"sync", "base"}},
    {"configs", {"configs", "base"}},
    {"rollout_worker", {"rollout_worker", "env_wordle", "model", "sync", "configs", "base"}},
    {"trainer_bridge", {"trainer_bridge", "model", "sync", "configs", "base"}},
};
// An executable may read the config though its room's library may not.
inline const std::map<std::string, Names> kMayAlsoInclude{{"env_wordle/main.cpp", {"configs"}},
                                                          {"sync/tool/main.cpp", {"configs"}}};

// Header of a library -> the files or folders that may see it. Everything else talks to our own
// classes, so that a library can be replaced in one place. No header of ours is among them.
inline const std::map<std::string, Names> kOnlyIn{
    {"zmq", {"base/message_socket.cpp", "base/curve_guard.cpp"}},
    {"nlohmann/",
     {"base/safetensors.cpp", "base/safetensors_write.cpp", "base/event_log.cpp",
      "base/shard_index.cpp", "env_wordle/protocol.cpp", "model/config.cpp",
      "model/tokenizer_file.cpp",
      "sync/strict_json.cpp"}},
    {"yaml-cpp/", {"configs/read_yaml.cpp"}},
    {"CLI/", {"configs/command_line.cpp", "sync/tool/"}},
    {"curl/", {"sync/bucket/http_client.cpp", "sync/bucket/http_transfer.cpp"}},
    {"pugixml", {"sync/bucket/s3_xml.cpp"}},
    {"openssl/", {"base/identity.cpp", "sync/"}},
    {"oneapi/", {"model/matmul_cpu.cpp"}},
    {"dnnl", {"model/matmul_cpu.cpp"}},
    {"pcre2", {"model/piece_pattern.cpp"}},
    {"utf8proc", {"model/unicode_text.cpp"}},
    {"omp", {"model/", "trainer_bridge/"}},
    {"cuda", {"model/", "trainer_bridge/", "rollout_worker/"}},
    {"cublas", {"model/"}},
    {"fmt/", {""}},
};

// Settings stand in the config file; only addresses and credentials of stores come from elsewhere.
inline const Names kMayReadEnvironment{"sync/bucket/environment.cpp"};

// Libraries return what happened; only programs, and what speaks for them, print it.
inline const Names kMayPrint{
    "base/event_log.cpp",  "base/require.h",          "configs/command_line.cpp",
    "env_wordle/main.cpp", "rollout_worker/main.cpp", "trainer_bridge/main.cpp",
    "sync/tool/"};

inline std::string room_of(const std::string& path) { return path.substr(0, path.find('/')); }
inline bool is_header(const std::string& file) { return file.ends_with(".h"); }

// places: whole paths, folders ending in '/', or "" for everywhere.
inline bool stands_in(const std::string& file, const Names& places) {
    return std::any_of(places.begin(), places.end(), [&](const std::string& place) {
        return file == place ||
               ((place.empty() || place.ends_with('/')) && file.starts_with(place));
    });
}

inline bool may_include(const std::string& file, const std::string& room) {
    const auto more = kMayAlsoInclude.find(file);
    return kMayInclude.at(room_of(file)).contains(room) ||
           (more != kMayAlsoInclude.end() && more->second.contains(room));
}

// Letters, not bytes: continuation bytes of UTF-8 take no column.
inline std::size_t columns(const std::string& line) {
    return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
    }));
}

// One file under inspection.
class Inspection {
public:
    Inspection(std::string file, const std::string& content) : file_(std::move(file)) {
        std::istringstream in(content);
        for (std::string line; std::getline(in, line);) lines_.push_back(line);
    }

    // Rules for every .h, .cpp and .cu file.
    void check_source() {
        check_whole_file();
        for_each_line([&](const std::string& line) { check_line(line); });
        if (!kMayInclude.contains(room_of(file_))) return;
        for_each_line([&](const std::string& line) {
            check_include(line);
            check_calls(line);
        });
    }

    // The rule for every text file: nothing depends on where one person keeps their files.
    void check_text() {
        static const std::regex place(std::string("(^|[^A-Za-z0-9._/~})-])/(") +
                                      "home|root|Users|work" + ")/[A-Za-z0-9._]");
        for_each_line([&](const std::string& line) {
            if (std::regex_search(line, place))
                complain(
                    "a folder of one machine; name it from "
                    "the repository's root");
        });
    }

    const Violations& violations() const { return violations_; }

private:
    template <class Check>
    void for_each_line(Check check) {
        for (number_ = 1; number_ <= lines_.size(); ++number_) check(lines_[number_ - 1]);
    }

    void complain(const std::string& what) {
        violations_.push_back(fmt::format("{}:{}: {}", file_, number_, what));
    }

    void check_whole_file() {
        number_ = lines_.size();
        if (lines_.size() > kFileLines)
            complain(fmt::format("{} lines; {} are the most", lines_.size(), kFileLines));
        if (!is_header(file_)) return;
        number_ = 1;
        if (lines_.empty() || !lines_[0].starts_with("//"))
            complain("a header begins with a // comment that says what it promises");
        if (std::find(lines_.begin(), lines_.end(), "#pragma once") == lines_.end())
            complain("a header holds #pragma once");
    }

    void check_line(const std::string& line) {
        static const std::regex macro(R"(^\s*#\s*(define|undef)\b)");
        static const std::regex condition(R"(^\s*#\s*(if|ifdef|ifndef|elif|else)\b)");
        static const std::regex promise(std::string(R"(\b(TO)") + R"(DO|FIX)" + R"(ME)\b)");
        if (columns(line) > kColumns) complain(fmt::format("more than {} columns", kColumns));
        if (line.find('\t') != std::string::npos) complain("a tab; use four spaces");
        if (line.ends_with(' ') || line.ends_with('\r')) complain("white space at the line's end");
        if (std::regex_search(line, macro)) complain("a macro; write a function or a constant");
        if (std::regex_search(line, condition))
            complain("a preprocessor condition; choose the file in CMakeLists.txt instead");
        if (std::regex_search(line, promise)) complain("a promise; do it, or leave it out");
    }

    void check_include(const std::string& line) {
        static const std::regex ours(R"re(^\s*#\s*include\s*"([^"]*)")re");
        static const std::regex theirs(R"(^\s*#\s*include\s*<([^>]*)>)");
        std::smatch match;
        if (std::regex_search(line, match, ours)) check_room(match[1]);
        if (std::regex_search(line, match, theirs)) check_library(match[1]);
    }

    void check_room(const std::string& header) {
        if (!may_include(file_, room_of(header)))
            complain(fmt::format("{} may not include {}", room_of(file_), header));
    }

    void check_library(const std::string& header) {
        for (const auto& [library, places] : kOnlyIn) {
            if (!header.starts_with(library)) continue;
            if (is_header(file_)) complain("<" + header + "> in a header of ours");
            if (!stands_in(file_, places)) complain("<" + header + "> is not for this file");
        }
    }

    void check_calls(const std::string& line) {
        static const std::regex prints(
            R"(\bstd::(cout|cerr|clog|printf|fprintf|puts|fputs)\b|\bfmt::print\b)");
        static const std::regex thread(R"(\bstd::thread\b(?!::))");
        static const std::regex environment(R"(\bgetenv\b)");
        if (std::regex_search(line, prints) && !stands_in(file_, kMayPrint))
            complain("a library prints nothing; return it, or give it to the EventLog");
        if (std::regex_search(line, thread)) complain("use std::jthread, which joins itself");
        if (std::regex_search(line, environment) && !stands_in(file_, kMayReadEnvironment))
            complain("settings stand in the config file");
    }

    const std::string file_;
    std::vector<std::string> lines_;
    std::size_t number_ = 0;  // of the line being checked, from 1
    Violations violations_;
};

inline Violations source_violations(const std::string& file, const std::string& content) {
    Inspection inspection(file, content);
    inspection.check_source();
    return inspection.violations();
}

inline Violations text_violations(const std::string& file, const std::string& content) {
    Inspection inspection(file, content);
    inspection.check_text();
    return inspection.violations();
}

}  // namespace dws
