// bench_load: how many games one environment serves, and how many followers one
// run.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/message_socket.h"
#include "base/stop_signal.h"
#include "configs/config.h"
#include "experiments/launcher/child_process.h"
#include "experiments/load/follower_load.h"
#include "experiments/load/process_usage.h"
#include "experiments/load/session_load.h"

namespace dws {
namespace {

namespace fs = std::filesystem;

struct Place {
    fs::path binaries;
    fs::path output;  // logs and events
    fs::path table;   // a row is appended
    std::string label;
};

std::string free_endpoint() {
    return MessageSocket::bind(SocketKind::router, "tcp://127.0.0.1:*").endpoint();
}

void write_row(const Place& place, const std::vector<std::string>& cells) {
    std::ofstream table(place.table, std::ios::app);
    for (std::size_t cell = 0; cell < cells.size(); ++cell)
        table << (cell == 0 ? "" : "\t") << cells[cell];
    table << "\n";
    if (!table.flush()) throw std::runtime_error("cannot write " + place.table.string());
}

// A process that must not end before it is told to.
void check_running(ChildProcess& process, const fs::path& log) {
    if (process.status())
        throw std::runtime_error(process.name() + " has ended; see " + log.string());
}

int run_sessions(const Place& place, const std::string& config_file, SessionLoad load,
                 std::stop_token stop) {
    const Config config = load_config(config_file, {});
    load.endpoint = free_endpoint();
    const fs::path log = place.output / "env_wordle.log";
    ChildProcess server(
        {(place.binaries / "env_wordle").string(), "--config", config_file, "--set",
         "env.endpoint=" + load.endpoint, "--set", "run.output=" + place.output.string(), "--set",
         fmt::format("env.sessions_max={}", load.sessions), "--set",
         fmt::format("env.sessions_per_client={}", load.sessions), "--set",
         "env.requests_per_second=1e9"},
        log);
    const WordList words = read_words(config.env.words);
    // One game, so that what the server holds before the load is all it needs to
    // play.
    SessionLoad first = load;
    first.sessions = first.sockets = 1;
    first.think_ms = first.warm_s = 0;
    first.seconds = 0.2;
    play_sessions(first, words, stop);
    check_running(server, log);
    const ProcessUsage idle = usage_of(server.pid());
    const SessionCounts counts = play_sessions(load, words, stop);
    if (stop.stop_requested()) throw std::runtime_error("stopped");
    check_running(server, log);
    const ProcessUsage after = usage_of(server.pid());
    const double processor_us =
        1e6 * (after.processor_s - idle.processor_s) / static_cast<double>(counts.requests);
    const Latencies& latencies = counts.latencies;
    fmt::print(
        "{} sessions, think {} ms | {:.0f} requests/s | p50 {:.2f} ms, "
        "p99 {:.2f} ms, max {:.2f} "
        "ms | server: {:.1f} us of processor a request, {:.1f} MiB, "
        "{:.1f} before | {} games\n",
        load.sessions, load.think_ms, counts.requests_per_s(), latencies.quantile_ms(0.5),
        latencies.quantile_ms(0.99), latencies.quantile_ms(1), processor_us, after.rss_mib,
        idle.rss_mib, counts.games);
    write_row(place,
              {place.label, fmt::to_string(load.sessions), fmt::to_string(load.sockets),
               fmt::to_string(load.think_ms), fmt::format("{:.0f}", counts.requests_per_s()),
               fmt::format("{:.3f}", latencies.quantile_ms(0.5)),
               fmt::format("{:.3f}", latencies.quantile_ms(0.99)),
               fmt::format("{:.3f}", latencies.quantile_ms(1)), fmt::format("{:.1f}", processor_us),
               fmt::format("{:.1f}", idle.rss_mib), fmt::format("{:.1f}", after.rss_mib),
               fmt::to_string(counts.requests), fmt::to_string(counts.games)});
    return 0;
}

void report(const Place& place, const FollowerCounts& counts) {
    fmt::print(
        "{} followers, {} | publish p50 {:.1f} ms | publish to commit p50 "
        "{:.1f} ms, p99 {:.1f} "
        "ms, last one p50 {:.1f} ms | {:.1f} calls and {:.2f} ms of "
        "processor a commit | {} "
        "failures\n",
        counts.followers, place.label, counts.publish.quantile_ms(0.5),
        counts.commit.quantile_ms(0.5), counts.commit.quantile_ms(0.99),
        counts.last.quantile_ms(0.5), counts.gets_per_commit, counts.processor_ms_per_commit,
        counts.failures);
    std::fflush(stdout);
    write_row(place,
              {place.label, fmt::to_string(counts.followers), fmt::to_string(counts.commit.count()),
               fmt::format("{:.2f}", counts.publish.quantile_ms(0.5)),
               fmt::format("{:.2f}", counts.publish.quantile_ms(0.99)),
               fmt::format("{:.2f}", counts.commit.quantile_ms(0.5)),
               fmt::format("{:.2f}", counts.commit.quantile_ms(0.99)),
               fmt::format("{:.2f}", counts.last.quantile_ms(0.5)),
               fmt::format("{:.2f}", counts.last.quantile_ms(0.99)),
               fmt::format("{:.2f}", counts.gets_per_commit),
               fmt::format("{:.3f}", counts.processor_ms_per_commit),
               fmt::to_string(counts.rescans), fmt::to_string(counts.failures)});
}

int run_followers(const Place& place, FollowerLoad load, const std::vector<int>& followers,
                  int versions, bool remembers, std::stop_token stop) {
    load.doorbell_inside = free_endpoint();
    load.doorbell_outside = free_endpoint();
    if (remembers) load.memory = place.output / ("memory-" + place.label);
    const fs::path log = place.output / "doorbell.log";
    ChildProcess doorbell({(place.binaries / "dws").string(), "doorbell", "--inside",
                           load.doorbell_inside, "--outside", load.doorbell_outside},
                          log);
    FollowerRun run(load, stop);
    std::uint64_t failures = 0;
    for (const int count : followers) {
        const FollowerCounts counts = run.measure(count, versions);
        check_running(doorbell, log);
        report(place, counts);
        failures += counts.failures;
    }
    return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    CLI::App app{"Load: games on one environment, followers of one run."};
    app.require_subcommand(1);
    dws::Place place;
    place.binaries = std::filesystem::path(argv[0]).parent_path();
    app.add_option("--out", place.output, "folder for logs and events")->required();
    app.add_option("--table", place.table, "file that the rows are appended to")->required();
    app.add_option("--label", place.label, "first cell of every row");

    dws::SessionLoad sessions;
    std::string config;
    CLI::App* play = app.add_subcommand("sessions", "whole games on one env_wordle");
    play->add_option("--config", config, "YAML whose env section is served")->required();
    play->add_option("--sessions", sessions.sessions, "games at once")
        ->check(CLI::Range(1, 1 << 20));
    play->add_option("--sockets", sessions.sockets, "clients, a thread each")
        ->check(CLI::Range(1, 64));
    play->add_option("--think-ms", sessions.think_ms, "mean wait before a session's next call");
    play->add_option("--seconds", sessions.seconds, "measured, after one that is not");
    play->add_option("--seed", sessions.seed);

    dws::FollowerLoad load;
    std::vector<int> followers{1, 100};
    int versions = 100;
    bool forgets = false;
    CLI::App* follow = app.add_subcommand("followers", "followers of one run");
    follow->add_option("--bucket", load.bucket_uri, "where the run is published")->required();
    follow->add_option("--run", load.run, "its name; must be new");
    follow->add_option("--followers", followers, "numbers of them, rising")->delimiter(',');
    follow->add_option("--versions", versions, "published for each number of followers");
    follow->add_flag("--no-memory", forgets, "followers do not write down how far they came");
    follow->add_option("--interval-ms", load.interval_ms, "from one version to the next");
    follow->add_option("--poll-ms", load.poll_ms, "between two looks when nothing rings");
    follow->add_option("--words", load.words, "bf16 words of the model");
    follow->add_option("--seed", load.seed);
    CLI11_PARSE(app, argc, argv);

    try {
        const dws::StopSignal stop;
        std::filesystem::create_directories(place.output);
        return play->parsed()
                   ? dws::run_sessions(place, config, sessions, stop.token())
                   : dws::run_followers(place, load, followers, versions, !forgets, stop.token());
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_load: {}\n", error.what());
        return 1;
    }
}
