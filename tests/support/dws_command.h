// The `dws` command as a user calls it, and what it answers.
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <string>

namespace dws {

struct Answer {
    int status = -1;
    std::string text;  // of both streams

    std::string last_line() const {
        const std::string body = text.substr(0, text.find_last_not_of('\n') + 1);
        return body.substr(body.find_last_of('\n') + 1);
    }
    bool has(const std::string& part) const { return text.find(part) != std::string::npos; }
};

inline Answer call_shell(const std::string& command) {
    Answer answer;
    std::FILE* pipe = popen(("{ " + command + "; } 2>&1").c_str(), "r");
    if (pipe == nullptr) return answer;
    char part[4096];
    while (const std::size_t bytes = std::fread(part, 1, sizeof(part), pipe))
        answer.text.append(part, bytes);
    const int status = pclose(pipe);
    answer.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return answer;
}

inline std::string dws_path() { return std::string(BINARY_ROOT) + "/dws "; }

inline Answer call_dws(const std::string& arguments) { return call_shell(dws_path() + arguments); }

// Started, and killed after so long, in seconds, unless it has ended by then. True: it was killed.
inline bool call_and_kill(const std::string& arguments, double seconds) {
    const Answer answer =
        call_shell(dws_path() + arguments + " > /dev/null & process=$!; sleep " +
                   std::to_string(seconds) + "; kill -9 $process && echo killed; wait");
    return answer.has("killed");
}

}  // namespace dws
