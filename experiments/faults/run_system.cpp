#include "experiments/faults/run_system.h"

#include <signal.h>

#include <array>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>

#include "base/message_socket.h"

namespace dws {
namespace {

// Below the ports that the kernel lends to outgoing connections: who is started again finds its own
// port free.
MessageSocket bound() {
    constexpr int kAttempts = 100;  // few of the 20,000 ports are taken
    std::random_device random;
    std::uniform_int_distribution<int> port(10'000, 29'999);
    for (int attempt = 1;; ++attempt) {
        try {
            return MessageSocket::bind(SocketKind::router,
                                       "tcp://127.0.0.1:" + std::to_string(port(random)));
        } catch (const std::runtime_error&) {
            if (attempt == kAttempts) throw;
        }
    }
}

// Loopback endpoints nobody listens on at this moment, all different.
std::array<std::string, 3> free_endpoints() {
    const std::array<MessageSocket, 3> sockets{bound(), bound(), bound()};
    return {sockets[0].endpoint(), sockets[1].endpoint(), sockets[2].endpoint()};
}

}  // namespace

RunSystem::RunSystem(SystemPlan plan) : plan_(std::move(plan)) {
    const auto [inside, outside, environment] = free_endpoints();
    environment_ = environment;
    if (!plan_.has_doorbell) return;
    doorbell_inside_ = inside;
    doorbell_outside_ = outside;
}

RunSystem::~RunSystem() {
    for (auto& [name, process] : processes_) {
        process.signal(SIGTERM);
        process.signal(SIGCONT);  // one that was stopped hears the first only then
    }
}

void RunSystem::start_doorbell(const std::vector<std::string>& more) {
    std::vector<std::string> command{(plan_.binaries / "dws").string(),
                                     "doorbell",
                                     "--inside",
                                     doorbell_inside_,
                                     "--outside",
                                     doorbell_outside_};
    command.insert(command.end(), more.begin(), more.end());
    std::filesystem::create_directories(plan_.folder);
    processes_.insert_or_assign("doorbell", ChildProcess(command, log_of("doorbell")));
}

void RunSystem::start_environment(const std::vector<std::string>& before) {
    start("env", "env_wordle", before, {});
}

void RunSystem::start_trainer(const std::string& name, const std::string& how,
                              const std::vector<std::string>& before) {
    start(name, "trainer_bridge", before,
          how.empty() ? std::vector<std::string>() : std::vector<std::string>{how});
}

std::string RunSystem::start_worker(const std::vector<std::string>& before) {
    const std::string name = "worker" + std::to_string(workers_started_++);
    start(name, "rollout_worker", before, {"--id", name});
    return name;
}

void RunSystem::start(const std::string& name, const std::string& program,
                      const std::vector<std::string>& before,
                      const std::vector<std::string>& more) {
    const std::filesystem::path output = output_of(name);
    std::filesystem::create_directories(output);
    std::vector<std::string> command = before;
    command.insert(command.end(),
                   {(plan_.binaries / program).string(), "--config", plan_.config.string()});
    std::vector<std::string> settings{"run.output=" + output.string(),
                                      "run.name=" + plan_.run,
                                      "run.seed=" + std::to_string(plan_.seed),
                                      "bucket.uri=" + plan_.bucket,
                                      "doorbell.inside=" + doorbell_inside_,
                                      "doorbell.outside=" + doorbell_outside_,
                                      "env.endpoint=" + environment_};
    settings.insert(settings.end(), plan_.settings.begin(), plan_.settings.end());
    for (const std::string& setting : settings) command.insert(command.end(), {"--set", setting});
    command.insert(command.end(), more.begin(), more.end());
    events_.watch(name, output);
    processes_.insert_or_assign(name, ChildProcess(command, log_of(name)));
}

ChildProcess& RunSystem::process(const std::string& name) { return processes_.at(name); }

bool RunSystem::is_alive(const std::string& name) {
    const auto found = processes_.find(name);
    return found != processes_.end() && !found->second.status();
}

void RunSystem::kill(const std::string& name) {
    process(name).signal(SIGKILL);
    process(name).wait_s(5);
}

std::vector<std::string> RunSystem::workers() const {
    std::vector<std::string> names;
    for (const auto& [name, process] : processes_)
        if (name.starts_with("worker")) names.push_back(name);
    return names;
}

std::filesystem::path RunSystem::log_of(const std::string& name) const {
    return plan_.folder / (name + ".log");
}

std::string RunSystem::last_line(const std::string& name) const {
    std::ifstream input(log_of(name));
    std::string last;
    for (std::string line; std::getline(input, line);)
        if (!line.empty()) last = line;
    return last;
}

}  // namespace dws
