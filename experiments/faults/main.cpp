// fault_runs: breaks real runs in every way the table names, and counts what was lost.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "base/stop_signal.h"
#include "experiments/faults/runner.h"

namespace {

constexpr int kSkipped = 77;  // what ctest takes for "skipped"

std::vector<dws::Scenario> chosen(const std::vector<std::string>& names) {
    std::vector<dws::Scenario> all = dws::all_scenarios();
    if (names.empty()) return all;
    for (const std::string& name : names)
        if (std::none_of(all.begin(), all.end(), [&](const auto& s) { return s.name == name; }))
            throw std::runtime_error("no scenario '" + name + "'; --list names them");
    std::erase_if(all, [&](const dws::Scenario& scenario) {
        return std::find(names.begin(), names.end(), scenario.name) == names.end();
    });
    return all;
}

std::vector<std::string> names_of(const std::vector<dws::Scenario>& scenarios) {
    std::vector<std::string> names;
    for (const dws::Scenario& scenario : scenarios) names.push_back(scenario.name);
    return names;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Breaks real runs in many ways and counts what was lost."};
    dws::RunnerOptions options;
    std::vector<std::string> only;
    std::string results, note, bucket = "s3";
    bool lists = false;
    options.binaries = std::filesystem::path(argv[0]).parent_path();
    options.config = "experiments/04_faults/faults.yaml";
    options.scripts = "experiments/s3_server";
    options.output = "out/faults";
    app.add_option("--only", only, "SCENARIO, repeatable; all otherwise");
    app.add_flag("--list", lists, "Name the scenarios");
    app.add_option("--repetitions", options.repetitions, "of each, instead of its own number");
    app.add_option("--seed", options.seed, "of the random moments");
    app.add_option("--side-by-side", options.side_by_side, "runs at once")
        ->check(CLI::Range(1, 16));
    app.add_option("--bucket", bucket, "s3: a server of its own; folder: what needs none")
        ->check(CLI::IsMember({"s3", "folder"}));
    app.add_option("--config", options.config, "YAML of the runs");
    app.add_option("--scripts", options.scripts, "folder of the S3 server's scripts");
    app.add_option("--out", options.output, "folder for what runs leave that were not clean");
    app.add_option("--results", results, "the table as a file");
    app.add_option("--note", note, "first line of that file");
    CLI11_PARSE(app, argc, argv);
    try {
        dws::StopSignal stop;
        const std::vector<dws::Scenario> scenarios = chosen(only);
        if (lists) {
            for (const std::string& name : names_of(scenarios)) fmt::print("{}\n", name);
            return 0;
        }
        options.is_talkative = true;
        options.output = std::filesystem::absolute(options.output);
        std::filesystem::create_directories(options.output);
        std::unique_ptr<dws::S3Server> server;
        if (bucket == "s3") {
            server = std::make_unique<dws::S3Server>(options.scripts, options.output / "s3");
            server->put_keys_into_environment();
        }
        fmt::print("seed {}\n", options.seed);
        dws::TallyTable table;
        dws::play(scenarios, options, server.get(), table, stop.token());
        const std::vector<std::string> names = names_of(scenarios);
        if (!results.empty()) table.write(results, note, names);
        fmt::print("\n{}", table.text(names));
        if (stop.token().stop_requested()) return 130;
        if (table.is_empty()) return kSkipped;
        return table.is_clean() ? 0 : 1;
    } catch (const dws::NotPossible& reason) {
        fmt::print(stderr, "fault_runs: NOT TRIED: {}\n", reason.what());
        return kSkipped;
    } catch (const std::exception& error) {
        fmt::print(stderr, "fault_runs: {}\n", error.what());
        return 1;
    }
}
