// The environment's process: serves games to rollout workers, or plays one with a person.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/event_log.h"
#include "base/stop_signal.h"
#include "configs/command_line.h"
#include "configs/socket_keys.h"
#include "env_wordle/play.h"
#include "env_wordle/server.h"

namespace dws {
namespace {

constexpr double kStatsEvery_s = 10;

Rules rules_of(const EnvSection& section) {
    const std::optional<Rules> rules = rules_named(section.rules);
    if (!rules) throw std::runtime_error("env.rules: expected open or textarena");
    return *rules;
}

// A count that YAML gives as a signed number; the upper end is for its reader to check.
std::size_t count_of(const char* key, std::int64_t value) {
    if (value < 0) throw std::runtime_error(fmt::format("{}: expected 0 or more", key));
    return static_cast<std::size_t>(value);
}

WordList secrets_of(const EnvSection& section, const WordList& words) {
    return draw_secrets(words, count_of("env.secrets", section.secrets), section.secrets_seed);
}

// A worker's games fit twice: a lost reply leaves its session open until it expires.
std::int64_t default_per_client(const Config& config) { return 2 * config.worker.slots; }

EnvOptions options_of(const Config& config) {
    const EnvSection& section = config.env;
    EnvOptions options;
    options.endpoint = section.endpoint;
    options.rules = rules_of(section);
    options.words = read_words(section.words);
    options.secrets = secrets_of(section, options.words);
    options.keys = keys_of_environment(config, own_identity(config.keys));
    options.sessions_max = count_of("env.sessions_max", section.sessions_max);
    options.sessions_per_client = count_of(
        "env.sessions_per_client",
        section.sessions_per_client > 0 ? section.sessions_per_client : default_per_client(config));
    options.requests_per_second = section.requests_per_second;
    options.session_expiry_s = section.session_expiry_s;
    return options;
}

Facts facts_of(const EnvStats& stats) {
    const auto fact = [](std::uint64_t count) { return static_cast<std::int64_t>(count); };
    return {{"sessions", fact(stats.sessions)},
            {"requests", fact(stats.requests)},
            {"games", fact(stats.games)},
            {"finished", fact(stats.finished)},
            {"won", fact(stats.won)},
            {"expired", fact(stats.expired)},
            {"turned_away", fact(stats.turned_away)},
            {"slowed_down", fact(stats.slowed_down)},
            {"malformed", fact(stats.malformed)},
            {"replies_dropped", fact(stats.replies_dropped)}};
}

void write_stats(EventLog& log, const char* event, const EnvStats& stats) {
    log.write(
        event,
        fmt::format("{} | {} requests | {} sessions | {} games, {} finished, {} won | {} "
                    "expired | {} turned away | {} slowed down | {} malformed",
                    event, stats.requests, stats.sessions, stats.games, stats.finished, stats.won,
                    stats.expired, stats.turned_away, stats.slowed_down, stats.malformed),
        facts_of(stats));
}

// Says how the server is doing, but only after something happened.
void report(const Server& server, EventLog& log, std::stop_token stop) {
    EnvStats reported;
    while (!sleep_or_stop(kStatsEvery_s, stop)) {
        const EnvStats stats = server.stats();
        if (stats.requests == reported.requests && stats.expired == reported.expired) continue;
        write_stats(log, "stats", stats);
        reported = stats;
    }
}

int serve(const Config& config) {
    StopSignal signal;
    const EnvOptions options = options_of(config);
    Server server(options);
    EventLog log("env_wordle",
                 std::filesystem::path(config.run.output) / "events" / "env_wordle.jsonl");
    log.write(
        "listening",
        fmt::format("listening on {} | {} words, {} secrets | {} rules | {} sessions, {} of "
                    "one client | {}",
                    server.endpoint(), options.words.size(), options.secrets.size(),
                    name_of(options.rules), options.sessions_max, options.sessions_per_client,
                    options.keys.own ? fmt::format("{} keys admitted", options.keys.clients.size())
                                     : "no keys"),
        {{"endpoint", server.endpoint()},
         {"words", static_cast<std::int64_t>(options.words.size())},
         {"secrets", static_cast<std::int64_t>(options.secrets.size())},
         {"rules", std::string(name_of(options.rules))},
         {"sessions_max", static_cast<std::int64_t>(options.sessions_max)},
         {"sessions_per_client", static_cast<std::int64_t>(options.sessions_per_client)},
         {"requests_per_second", options.requests_per_second},
         {"has_keys", options.keys.own.has_value()},
         {"clients", static_cast<std::int64_t>(options.keys.clients.size())}});
    {
        const std::jthread reporter([&](std::stop_token stop) { report(server, log, stop); });
        server.run(signal.token());
    }
    write_stats(log, "end", server.stats());
    return 0;
}

int play_here(const Config& config) {
    const WordList words = read_words(config.env.words);
    const WordList secrets = secrets_of(config.env, words);
    std::random_device random;
    const PlayOptions options{.rules = rules_of(config.env),
                              .is_colored = isatty(STDOUT_FILENO) == 1};
    play(options, secret_for(secrets, random()), words, std::cin, std::cout);
    return 0;
}

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    bool is_play = false;
    return dws::run_main(
        argc, argv, "Serves the word game to rollout workers over ZeroMQ.",
        {{.name = "--play", .help = "play in this terminal instead", .is_set = &is_play}},
        [&](const dws::Config& config) {
            return is_play ? dws::play_here(config) : dws::serve(config);
        });
}
