// The real processes of one run, each under a name, with an output folder of its own: what another
// machine would be.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "experiments/faults/event_watch.h"
#include "experiments/launcher/child_process.h"

namespace dws {

struct SystemPlan {
    std::filesystem::path binaries;  // of trainer_bridge and the others
    std::filesystem::path config;    // YAML
    std::filesystem::path folder;    // of this run: output folders and logs
    std::string bucket;              // address that the processes use
    std::string run;
    std::uint64_t seed = 0;
    bool has_doorbell = true;
    std::vector<std::string> settings;  // "env.sessions_max=8", for every process
};

class RunSystem {
public:
    explicit RunSystem(SystemPlan plan);
    ~RunSystem();  // all are asked to end before any is waited for

    // more: what stands after the settings. before: words in front of the command, as `env A=b`.
    void start_doorbell(const std::vector<std::string>& more = {});
    void start_environment(const std::vector<std::string>& before = {});
    // how: "", "--resume" or "--take-over". A name that was used before goes on in its folder.
    void start_trainer(const std::string& name, const std::string& how,
                       const std::vector<std::string>& before = {});
    // A fresh one under a name of its own, which is returned.
    std::string start_worker(const std::vector<std::string>& before = {});

    ChildProcess& process(const std::string& name);
    bool is_alive(const std::string& name);
    // SIGKILL, and its end.
    void kill(const std::string& name);
    void forget(const std::string& name) { processes_.erase(name); }
    std::vector<std::string> workers() const;  // that were started and not forgotten

    std::filesystem::path output_of(const std::string& name) const { return plan_.folder / name; }
    std::string last_line(const std::string& name) const;  // it printed
    const SystemPlan& plan() const { return plan_; }
    EventWatch& events() { return events_; }

private:
    void start(const std::string& name, const std::string& program,
               const std::vector<std::string>& before, const std::vector<std::string>& more);
    std::filesystem::path log_of(const std::string& name) const;

    const SystemPlan plan_;
    std::string doorbell_inside_, doorbell_outside_, environment_;
    std::map<std::string, ChildProcess> processes_;
    EventWatch events_;
    int workers_started_ = 0;
};

}  // namespace dws
