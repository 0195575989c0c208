// bench_qwen3_sync: what the runs of experiments/06_qwen3_sync left behind, turned into tables.
//
//   copy    a run's versions into a folder, away from a store that is about to end
//   sizes   a run's versions in every format
//   report  results.json, table.md, and what the plots are drawn from
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "experiments/qwen3_sync/copy_run.h"
#include "experiments/qwen3_sync/report.h"

namespace dws {
namespace {

struct Options {
    std::string from, to, run, note, file, folder;
    std::size_t threads = 2;
    std::string machine, commit, model, date;
    std::vector<std::string> trained, replays;  // "NAME=FOLDER"
};

std::pair<std::string, std::filesystem::path> split(const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == text.npos) throw std::runtime_error(text + ": expected NAME=FOLDER");
    return {text.substr(0, equals), text.substr(equals + 1)};
}

void copy(const Options& options) {
    const auto from = open_bucket(options.from, {}, {}, {}, BucketAccess::read);
    const auto to = open_bucket(options.to, {}, {});
    const std::uint64_t bytes = copy_run(*from, *to, options.run);
    fmt::print("{}: {:.1f} MB copied to {}\n", options.run, static_cast<double>(bytes) / 1e6,
               options.to);
}

void sizes(const Options& options) {
    RecordedRun run(options.from, options.run);
    std::vector<VersionSizes> rows;
    while (run.remaining() > 0) {
        rows.push_back(next_sizes(run, options.threads));
        const VersionSizes& row = rows.back();
        fmt::print(
            "version {} | {} of {} words changed | raw {:.2f} MB, gap_delta {:.2f}, F "
            "{:.2f}, X {:.2f}, auto {:.2f}\n",
            row.version, row.all_changed(), row.all_words(),
            static_cast<double>(row.bytes.raw) / 1e6,
            static_cast<double>(row.bytes.gap_delta) / 1e6,
            static_cast<double>(row.bytes.flat) / 1e6, static_cast<double>(row.bytes.classes) / 1e6,
            static_cast<double>(row.bytes.smallest) / 1e6);
    }
    std::erase_if(rows, [](const VersionSizes& row) { return row.all_changed() == 0; });
    write_sizes(options.file, options.note, rows);
}

// A trained run's folder holds events/ and sizes.tsv, a replay's events/.
void report(const Options& options) {
    ExperimentRuns runs{.machine = options.machine,
                        .commit = options.commit,
                        .model = options.model,
                        .date = options.date,
                        .trained = {},
                        .replays = {}};
    for (const std::string& text : options.trained) {
        const auto [name, folder] = split(text);
        runs.trained.push_back(
            {name, RunStory(folder / "events"), read_sizes(folder / "sizes.tsv")});
    }
    for (const std::string& text : options.replays) {
        const auto [name, folder] = split(text);
        runs.replays.emplace(name, RunStory(folder / "events"));
    }
    write_report(runs, options.file, options.folder);
}

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    CLI::App app{"Tables of experiments/06_qwen3_sync."};
    app.require_subcommand(1);
    dws::Options options;
    CLI::App* copy = app.add_subcommand("copy", "a run's versions into another bucket");
    CLI::App* sizes = app.add_subcommand("sizes", "a run's versions in every format");
    CLI::App* report = app.add_subcommand("report", "the results of all runs");
    for (CLI::App* verb : {copy, sizes}) {
        verb->add_option("--from", options.from, "the run's bucket")->required();
        verb->add_option("--run", options.run, "its name")->required();
    }
    copy->add_option("--to", options.to, "another bucket")->required();
    sizes->add_option("--out", options.file, "table to be written")->required();
    sizes->add_option("--note", options.note, "its first line, as a comment");
    sizes->add_option("--threads", options.threads, "of the encoders")->check(CLI::Range(1, 64));
    report->add_option("--out", options.file, "the JSON file")->required();
    report->add_option("--folder", options.folder, "for tables")->required();
    report->add_option("--machine", options.machine, "processor and cores");
    report->add_option("--commit", options.commit, "of this repository");
    report->add_option("--model", options.model, "in words");
    report->add_option("--date", options.date, "of the runs");
    report->add_option("--trained", options.trained, "LEARNING_RATE=FOLDER")->required();
    report->add_option("--replay", options.replays, "NAME=FOLDER");
    CLI11_PARSE(app, argc, argv);
    try {
        if (*copy) dws::copy(options);
        if (*sizes) dws::sizes(options);
        if (*report) dws::report(options);
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_qwen3_sync: {}\n", error.what());
        return 1;
    }
}
