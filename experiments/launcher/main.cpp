// launch_loop: the whole loop, one command. Experiments are calls of it.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "base/stop_signal.h"
#include "experiments/launcher/loop.h"
#include "experiments/launcher/picture.h"

namespace {

void print_table(const nlohmann::ordered_json& summary) {
    fmt::print("\n");
    for (const auto& [name, value] : summary.items()) {
        if (value.is_number_float()) {
            fmt::print("  {:<28} {:>12.4g}\n", name, value.get<double>());
        } else {
            fmt::print("  {:<28} {:>12}\n", name, value.dump());
        }
    }
}

// "ROLE=REST" -> the role, and the rest.
std::pair<dws::Role&, std::string> split(dws::LoopOptions& options, const std::string& text) {
    const std::size_t equals = text.find('=');
    const std::string role = text.substr(0, equals);
    if (equals == text.npos || std::ranges::find(dws::kRoles, role) == std::end(dws::kRoles))
        throw std::runtime_error(text + ": expected ROLE=..., the role one of doorbell, " +
                                 "environment, trainer, worker, verify");
    return {options.roles[role], text.substr(equals + 1)};
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    return {std::istream_iterator<std::string>(stream), {}};
}

struct RoleTexts {
    std::vector<std::string> prefixes, overrides, flags;  // "ROLE=..."
};

void add_roles(const RoleTexts& texts, dws::LoopOptions& options) {
    for (const std::string& text : texts.prefixes) {
        const auto [role, words] = split(options, text);
        role.prefix = words_of(words);
    }
    for (const std::string& text : texts.overrides) {
        const auto [role, setting] = split(options, text);
        role.overrides.push_back(setting);
    }
    for (const std::string& text : texts.flags) {
        const auto [role, words] = split(options, text);
        for (const std::string& word : words_of(words)) role.flags.push_back(word);
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Runs trainer, workers, environment and doorbell."};
    dws::LoopOptions options;
    std::string script;
    RoleTexts roles;
    options.binaries = std::filesystem::path(argv[0]).parent_path();
    app.add_option("--config", options.config, "YAML of the experiment")->required();
    app.add_option("--out", options.output, "folder for everything the run leaves")->required();
    app.add_option("--set", options.overrides, "KEY=VALUE, over the config, repeatable");
    app.add_option("--set-for", roles.overrides, "ROLE=KEY=VALUE, for one role, after --set");
    app.add_option("--prefix", roles.prefixes, "ROLE=WORDS before its command: where it runs");
    app.add_option("--flags-for", roles.flags, "ROLE=WORDS at the end of its command");
    app.add_option("--bucket", options.bucket, "uri; a folder in --out otherwise");
    app.add_option("--doorbell-inside", options.doorbell_inside, "endpoint; loopback otherwise");
    app.add_option("--doorbell-outside", options.doorbell_outside, "endpoint; loopback otherwise");
    app.add_option("--environment", options.environment, "endpoint; loopback otherwise");
    app.add_option("--workers", options.workers, "rollout workers")->check(CLI::Range(1, 64));
    app.add_option("--doorbell-drop", options.doorbell_drop, "share of notifications lost");
    app.add_option("--doorbell-repeat", options.doorbell_repeat, "share sent twice");
    app.add_option("--doorbell-delay-ms", options.doorbell_delay_ms, "random delay up to this");
    app.add_option("--kill-doorbell-at-step", options.kill_doorbell_at_step, "SIGKILL it then");
    app.add_option("--kill-worker-at-step", options.kill_worker_at_step,
                   "SIGKILL one then, and start another");
    app.add_option("--trainer", options.trainer, "another program in its place, beside this one");
    app.add_flag("!--no-evaluation", options.evaluates, "not the first and the last version");
    app.add_option("--picture", script, "gnuplot program that draws curves.png");
    app.add_option("--timeout-s", options.timeout_s, "give up after this long");
    CLI11_PARSE(app, argc, argv);
    options.shows_screen = isatty(STDOUT_FILENO) != 0;

    try {
        add_roles(roles, options);
        dws::StopSignal stop;
        const dws::Story story = dws::run_loop(options, stop.token());
        dws::write_tables(story, options.output);
        const nlohmann::ordered_json summary = dws::summary_of(story);
        print_table(summary);
        fmt::print("\n  {}\n", (options.output / "summary.json").string());
        if (!script.empty()) {
            dws::draw_curves(script, options.output);
            fmt::print("  {}\n", (options.output / "curves.png").string());
        }
        return summary["digests_failed"] == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        fmt::print(stderr, "launch_loop: {}\n", error.what());
        return 1;
    }
}
