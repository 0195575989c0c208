#include "experiments/launcher/loop.h"

#include <signal.h>

#include <array>
#include <deque>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>

#include "base/clock.h"
#include "base/message_socket.h"
#include "base/stop_signal.h"
#include "configs/config.h"
#include "experiments/launcher/child_process.h"
#include "experiments/launcher/event_tail.h"
#include "experiments/launcher/screen.h"

namespace dws {
namespace {

namespace fs = std::filesystem;

// Loopback endpoints nobody listens on at this moment, all different.
std::array<std::string, 3> free_endpoints() {
    const auto bound = [] { return MessageSocket::bind(SocketKind::router, "tcp://127.0.0.1:*"); };
    const std::array<MessageSocket, 3> sockets{bound(), bound(), bound()};
    return {sockets[0].endpoint(), sockets[1].endpoint(), sockets[2].endpoint()};
}

// Only folders made by this function are ever emptied by it.
void make_anew(const fs::path& folder) {
    const fs::path mark = folder / ".run";
    if (fs::exists(folder) && !fs::is_empty(folder) && !fs::exists(mark)) {
        throw std::runtime_error(folder.string() +
                                 " holds other files: name an empty folder with --out");
    }
    fs::remove_all(folder);
    fs::create_directories(folder / "events");
    fs::create_directories(folder / "logs");
    std::ofstream(mark) << "made by launch_loop; emptied by its next run\n";
}

std::string last_lines(const fs::path& file, std::size_t lines) {
    std::deque<std::string> kept;
    std::ifstream input(file);
    for (std::string line; std::getline(input, line);) {
        kept.push_back(line);
        if (kept.size() > lines) kept.pop_front();
    }
    std::string text;
    for (const std::string& line : kept) text += "\n    " + line;
    return text;
}

void append(std::vector<std::string>& words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
}

std::string either(const std::string& chosen, const std::string& otherwise) {
    return chosen.empty() ? otherwise : chosen;
}

class Loop {
public:
    Loop(const LoopOptions& options, std::stop_token stop)
        : options_(options), stop_(std::move(stop)), tail_(options.output / "events") {
        make_anew(options_.output);
    }

    // All are asked to end before any is waited for.
    ~Loop() {
        for (Worker& worker : workers_) worker.process.signal(SIGTERM);
        for (std::optional<ChildProcess>* process :
             {&trainer_, &environment_process_, &doorbell_}) {
            if (*process) (*process)->signal(SIGTERM);
        }
    }

    Story run() {
        start_everything();
        watch();
        if (stop_.stop_requested()) throw std::runtime_error("stopped");
        verify();
        if (options_.evaluates) evaluate();
        tail_.poll([this](const auto& source, const auto& event) { story_.see(source, event); });
        screen_.finish(story_);
        return story_;
    }

private:
    fs::path log_of(const std::string& name) const {
        return options_.output / "logs" / (name + ".log");
    }

    const Role& role(const std::string& name) const {
        static const Role like_all_others;
        const auto found = options_.roles.find(name);
        return found == options_.roles.end() ? like_all_others : found->second;
    }

    // What the role starts: its prefix, the program with these arguments, its flags.
    std::vector<std::string> start_of(const std::string& role_name, const std::string& program,
                                      const std::vector<std::string>& arguments) const {
        std::vector<std::string> words = role(role_name).prefix;
        words.push_back((options_.binaries / program).string());
        append(words, arguments);
        append(words, role(role_name).flags);
        return words;
    }

    // Of a program that reads the config.
    std::vector<std::string> command(const std::string& role_name, const std::string& program,
                                     const std::vector<std::string>& arguments = {}) const {
        std::vector<std::string> settings{
            "run.output=" + options_.output.string(), "bucket.uri=" + bucket_,
            "doorbell.inside=" + doorbell_inside_,    "doorbell.outside=" + doorbell_outside_,
            "env.endpoint=" + environment_,
        };
        append(settings, options_.overrides);
        append(settings, role(role_name).overrides);
        std::vector<std::string> words{"--config", options_.config.string()};
        for (const std::string& setting : settings) append(words, {"--set", setting});
        append(words, arguments);
        return start_of(role_name, program, words);
    }

    void start_everything() {
        doorbell_.emplace(
            start_of("doorbell", "dws",
                     {"doorbell", "--inside", doorbell_inside_, "--outside", doorbell_outside_,
                      "--drop", std::to_string(options_.doorbell_drop), "--repeat",
                      std::to_string(options_.doorbell_repeat), "--delay-ms",
                      std::to_string(options_.doorbell_delay_ms)}),
            log_of("doorbell"));
        environment_process_.emplace(command("environment", "env_wordle"), log_of("env_wordle"));
        trainer_.emplace(command("trainer", options_.trainer), log_of(options_.trainer));
        for (int i = 0; i < options_.workers; ++i) start_worker();
    }

    void start_worker() {
        const std::string name = "worker" + std::to_string(workers_started_);
        workers_.push_back({name, ChildProcess(command("worker", "rollout_worker", {"--id", name}),
                                               log_of(name))});
        workers_started_ += 1;
    }

    // Until the trainer and every living worker have ended by themselves.
    void watch() {
        const Stopwatch running;
        while (!sleep_or_stop(0.05, stop_)) {
            tail_.poll(
                [this](const auto& source, const auto& event) { story_.see(source, event); });
            do_mischief();
            screen_.show(story_);
            if (running.seconds() > options_.timeout_s) {
                throw std::runtime_error("the run took longer than its limit of " +
                                         std::to_string(options_.timeout_s) + " s");
            }
            if (all_have_ended()) return;
        }
    }

    void do_mischief() {
        const std::int64_t step = story_.steps.empty() ? -1 : story_.steps.back().step;
        if (options_.kill_doorbell_at_step >= 0 && step >= options_.kill_doorbell_at_step) {
            doorbell_->signal(SIGKILL);
        }
        if (options_.kill_worker_at_step >= 0 && step >= options_.kill_worker_at_step &&
            !has_killed_worker_) {
            has_killed_worker_ = true;
            workers_.front().process.signal(SIGKILL);
            workers_.front().process.wait_s(3);
            workers_.erase(workers_.begin());
            start_worker();
        }
    }

    bool all_have_ended() {
        fail_if_failed(options_.trainer, *trainer_);
        fail_if_ended("env_wordle", *environment_process_);
        if (options_.kill_doorbell_at_step < 0) fail_if_ended("doorbell", *doorbell_);
        bool ended = trainer_->status().has_value();
        for (Worker& worker : workers_) {
            fail_if_failed(worker.name, worker.process);
            ended = ended && worker.process.status().has_value();
        }
        return ended;
    }

    void fail_if_failed(const std::string& name, ChildProcess& process) const {
        if (process.status().value_or(0) == 0) return;
        throw std::runtime_error(name + " failed with status " + std::to_string(*process.status()) +
                                 ":" + last_lines(log_of(name), 5));
    }

    void fail_if_ended(const std::string& name, ChildProcess& process) const {
        if (!process.status()) return;
        throw std::runtime_error(name + " ended early, status " +
                                 std::to_string(*process.status()) + ":" +
                                 last_lines(log_of(name), 5));
    }

    void run_to_end(const std::string& name, std::vector<std::string> words) {
        ChildProcess process(std::move(words), log_of(name));
        while (!process.wait_s(0.1)) {
            if (stop_.stop_requested()) throw std::runtime_error("stopped");
        }
        fail_if_failed(name, process);
    }

    void verify() {
        const std::string run_name = load_config(options_.config, options_.overrides).run.name;
        run_to_end("verify",
                   start_of("verify", "dws", {"verify", "--bucket", bucket_, "--run", run_name}));
    }

    void evaluate() {
        for (const std::string version : {"0", "latest"}) {
            run_to_end("evaluation-" + version,
                       command("worker", "rollout_worker",
                               {"--id", "evaluation-" + version, "--evaluate", version}));
        }
    }

    struct Worker {
        std::string name;
        ChildProcess process;
    };

    const LoopOptions& options_;
    const std::stop_token stop_;
    const std::array<std::string, 3> endpoints_ = free_endpoints();
    const std::string doorbell_inside_ = either(options_.doorbell_inside, endpoints_[0]);
    const std::string doorbell_outside_ = either(options_.doorbell_outside, endpoints_[1]);
    const std::string environment_ = either(options_.environment, endpoints_[2]);
    const std::string bucket_ = either(options_.bucket, (options_.output / "bucket").string());
    EventTail tail_;
    Story story_;
    Screen screen_{options_.shows_screen};
    int workers_started_ = 0;
    bool has_killed_worker_ = false;
    std::optional<ChildProcess> doorbell_;
    std::optional<ChildProcess> environment_process_;
    std::optional<ChildProcess> trainer_;
    std::vector<Worker> workers_;
};

}  // namespace

Story run_loop(const LoopOptions& options, std::stop_token stop) {
    return Loop(options, std::move(stop)).run();
}

}  // namespace dws
