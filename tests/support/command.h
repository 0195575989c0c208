// A command as a user calls it: its exit status and what it printed.
#pragma once

#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace dws {

struct Answer {
    int status = -1;
    std::string text;  // of both streams

    bool has(const std::string& part) const { return text.find(part) != std::string::npos; }
    long lines() const { return std::count(text.begin(), text.end(), '\n'); }
};

inline Answer call_command(const std::string& command) {
    Answer answer;
    std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) return answer;
    char part[4096];
    while (const std::size_t bytes = std::fread(part, 1, sizeof(part), pipe))
        answer.text.append(part, bytes);
    const int status = pclose(pipe);
    answer.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return answer;
}

}  // namespace dws
