// A program started by this one: its output goes to a file, it ends when this object does, and it
// is only ever signalled by its own process id.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dws {

class ChildProcess {
public:
    // command[0] is a path, or a name looked up in PATH. It stays in this
    // process group, so that Ctrl-C reaches it too. Both standard streams go to `output`, appended.
    // Throws std::runtime_error naming the program when it cannot be started.
    ChildProcess(std::vector<std::string> command, const std::filesystem::path& output);
    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&& other) noexcept;
    ~ChildProcess();  // SIGTERM, then SIGKILL after three seconds

    void signal(int number);
    // Exit status, or 128 + the signal that ended it; empty while it runs.
    std::optional<int> status();
    // Waits up to the time-out for the end.
    std::optional<int> wait_s(double timeout_s);
    const std::string& name() const { return name_; }
    pid_t pid() const { return pid_; }

private:
    std::string name_;
    pid_t pid_ = -1;
    std::optional<int> status_;
};

}  // namespace dws
