// bench_wire: bytes and time of a version on the wire, in this project's formats and in those of
// others, on simulated optimizer steps, on a run's own versions, or on two checkpoints. Every
// format gives back the same words bit for bit before it is timed; exit 1 where one does not.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <stdexcept>

#include "experiments/optimizer_steps.h"
#include "experiments/wire/checkpoint_pairs.h"
#include "experiments/wire/operations.h"
#include "experiments/wire/run_pairs.h"
#include "experiments/wire/tables.h"

namespace dws {
namespace {

struct Options {
    std::vector<std::string> checkpoints;  // none, or two
    std::vector<std::string> run_bucket;   // none, or folder and run
    std::string results = "out/bench_wire";
    std::string note;
    std::size_t versions = 8;
    std::size_t rounds = 9;
    std::size_t copies = 16;  // 0.57 GB of weights: far more than a core's caches
    std::size_t part_mib = 512;
    bool is_quick = false;
};

// All formats on one pair after another, by name.
class FormatsTrial {
public:
    FormatsTrial(Table& table, std::size_t rounds) : table_(table), rounds_(rounds) {}

    // A row per format, under the pair's label after `prefix`.
    void add(const std::string& prefix, const VersionPair& pair) {
        for (const auto& make : {make_compact_formats, make_peer_formats}) {
            for (const std::unique_ptr<WireFormat>& format : make()) {
                WireRow row{.scenario = prefix + pair.label,
                            .format = format->name(),
                            .words = pair.table.words(),
                            .changed_words = pair.changed_words,
                            .timings = measure(pair, *format, rounds_, words_)};
                row.bytes = format->encoded_bytes();
                table_.add(cells_of(row));
                if (!totals_.contains(row.format)) names_.push_back(row.format);
                totals_[row.format] += row;
            }
        }
    }
    // The sums of all pairs.
    void add_totals(const std::string& scenario) {
        for (const std::string& name : names_) {
            WireRow row = totals_[name];
            row.scenario = scenario;
            row.format = name;
            table_.add(cells_of(row));
        }
    }

private:
    Table& table_;
    const std::size_t rounds_;
    Bytes words_;
    std::vector<std::string> names_;  // in the order of the rows
    std::map<std::string, WireRow> totals_;
};

VersionPair simulated(const std::string& label, const StepScenario& scenario,
                      const Options& options) {
    StepPair pair = simulate_step(scenario, options.copies);
    return VersionPair(label, *ArrayTable::make(pair.layout), std::move(pair.base),
                       std::move(pair.next));
}

void add_operations(const VersionPair& pair, std::size_t rounds, Table& table) {
    Bytes words;
    for (const OperationRow& row : measure_operations(pair, rounds, words)) {
        table.add({pair.label, row.operation, number(row.timing.cpu_s / row.copy.cpu_s),
                   number(1e3 * row.timing.wall_s), number(1e3 * row.copy.wall_s)});
    }
}

void add_kernels(const VersionPair& pair, std::size_t rounds, Table& table) {
    Bytes words;
    for (const KernelRow& row : measure_kernels(pair, rounds, words)) {
        table.add({pair.label, row.kernels, row.format, number(row.encode.cpu_s / row.copy.cpu_s),
                   number(row.patch.cpu_s / row.copy.cpu_s), std::to_string(row.bytes)});
    }
}

void bench_steps(const Options& options) {
    const std::filesystem::path folder = options.results;
    Table formats(folder / "formats.tsv", options.note, wire_columns());
    Table operations(folder / "operations.tsv", options.note,
                     {"scenario", "operation", "x_memcpy_1t", "ms_1t", "memcpy_ms_1t"});
    Table kernels(folder / "kernels.tsv", options.note,
                  {"scenario", "kernels", "format", "encode_x_1t", "patch_x_1t", "bytes"});
    FormatsTrial trial(formats, options.rounds);
    for (StepScenario scenario : {kScenarioA1, kScenarioA3}) {
        const std::string label =
            fmt::format("A{}@{}", scenario.learning_rate < 2e-6 ? 1 : 3, scenario.steps);
        if (options.is_quick) scenario.steps = 4;
        const VersionPair pair = simulated(label, scenario, options);
        trial.add("", pair);
        add_operations(pair, options.rounds, operations);
        add_kernels(pair, options.rounds, kernels);
    }
    Table sweep(folder / "sweep.tsv", options.note, wire_columns());
    FormatsTrial sweep_trial(sweep, options.is_quick ? 1 : options.rounds);
    const std::span densities(kDensitySweep);
    for (StepScenario scenario : options.is_quick ? densities.first(3) : densities) {
        if (options.is_quick) scenario.steps = 2;
        sweep_trial.add(
            "", simulated(fmt::format("lr {:.1e}", scenario.learning_rate), scenario, options));
    }
}

void bench_run(const Options& options) {
    const std::string& run = options.run_bucket[1];
    Table table(std::filesystem::path(options.results) / "run.tsv", options.note, wire_columns());
    FormatsTrial trial(table, options.rounds);
    for_each_run_pair(options.run_bucket[0], run, options.versions,
                      [&](const VersionPair& pair) { trial.add(run + " ", pair); });
    trial.add_totals(run + " all");
}

void bench_checkpoints(const Options& options) {
    Table table(std::filesystem::path(options.results) / "checkpoints.tsv", options.note,
                wire_columns());
    FormatsTrial trial(table, options.rounds);
    const CheckpointCount count = for_each_checkpoint_pair(
        options.checkpoints[0], options.checkpoints[1], options.part_mib << 20,
        [&](const VersionPair& pair) { trial.add("", pair); });
    trial.add_totals("all");
    fmt::print("{} words in both; arrays left out: {} not of 16-bit words, {} not in both\n",
               count.words, count.other_arrays, count.arrays_apart);
}

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    CLI::App app{"Bytes and time of a version on the wire, beside a plain copy of the weights."};
    dws::Options options;
    app.add_option("checkpoints", options.checkpoints,
                   "BASE NEXT: safetensors files, or folders of them; none: simulated steps")
        ->expected(0, 2)
        ->check(CLI::ExistingPath);
    app.add_option("--run-bucket", options.run_bucket, "FOLDER RUN: versions a trainer published")
        ->expected(2);
    app.add_option("--versions", options.versions, "of the run, spread evenly")
        ->check(CLI::Range(1, 1'000));
    app.add_option("--rounds", options.rounds, "each time is the median of so many")
        ->check(CLI::Range(1, 1'000));
    app.add_option("--copies", options.copies, "of a layer with 17.8 million words")
        ->check(CLI::Range(1, 64));
    app.add_option("--part-mib", options.part_mib, "of a checkpoint at a time, per version")
        ->check(CLI::Range(1, 4'096));
    app.add_option("--results", options.results, "folder for the tables");
    app.add_option("--note", options.note, "first line of each table, as a comment");
    app.add_flag("--quick", options.is_quick, "seconds: few words and steps, one round");
    CLI11_PARSE(app, argc, argv);
    if (options.is_quick) {
        options.copies = 1;
        options.rounds = 1;
    }

    try {
        if (options.checkpoints.size() == 1)
            throw std::runtime_error("a second checkpoint, please");
        if (!options.checkpoints.empty()) {
            dws::bench_checkpoints(options);
        } else if (!options.run_bucket.empty()) {
            dws::bench_run(options);
        } else {
            dws::bench_steps(options);
        }
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_wire: {}\n", error.what());
        return 1;
    }
}
