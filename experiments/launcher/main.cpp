// launch_loop: the whole loop on this machine, one command. Experiments are calls of it.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

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

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Runs trainer, workers, environment and doorbell on this machine."};
    dws::LoopOptions options;
    std::string script;
    options.binaries = std::filesystem::path(argv[0]).parent_path();
    app.add_option("--config", options.config, "YAML of the experiment")->required();
    app.add_option("--out", options.output, "folder for everything the run leaves")->required();
    app.add_option("--set", options.overrides, "KEY=VALUE, over the config, repeatable");
    app.add_option("--trainer-set", options.trainer_overrides, "KEY=VALUE for the trainer alone");
    app.add_option("--workers", options.workers, "rollout workers")->check(CLI::Range(1, 64));
    app.add_option("--doorbell-drop", options.doorbell_drop, "share of notifications lost");
    app.add_option("--doorbell-repeat", options.doorbell_repeat, "share sent twice");
    app.add_option("--doorbell-delay-ms", options.doorbell_delay_ms, "random delay up to this");
    app.add_option("--kill-doorbell-at-step", options.kill_doorbell_at_step, "SIGKILL it then");
    app.add_option("--kill-worker-at-step", options.kill_worker_at_step,
                   "SIGKILL one then, and start another");
    app.add_option("--picture", script, "gnuplot program that draws curves.png");
    app.add_option("--timeout-s", options.timeout_s, "give up after this long");
    CLI11_PARSE(app, argc, argv);
    options.shows_screen = isatty(STDOUT_FILENO) != 0;

    try {
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
