// bench_density: how many words an optimizer step changes, by learning rate, steps per sync and
// magnitude, beside what rounding lets one expect; and what Adam's moments would have missed.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "configs/config.h"
#include "experiments/density/density_trial.h"
#include "experiments/density/game_archive.h"
#include "experiments/result_table.h"
#include "trainer_bridge/native_trainer.h"

namespace dws {
namespace {

struct Options {
    std::filesystem::path config, results;
    std::vector<std::string> overrides;
    std::string bucket, run, note;
    std::int64_t settle = 48;
    std::vector<std::string> rates{"1e-7", "3e-7", "1e-6", "3e-6", "1e-5", "3e-5", "1e-4"};
};

std::string percent(double part, double all) {
    return fmt::format("{:.6g}", all > 0 ? 100 * part / all : 0.0);
}
std::string whole(double count) { return fmt::format("{:.0f}", count); }

// An exponent with fewer words than this says nothing.
constexpr double kFewestWords = 1'000;

struct Tables {
    Table density, exponents, prediction;

    Tables(const std::filesystem::path& folder, const std::string& note)
        : density(folder / "density.tsv", note,
                  {"learning_rate", "steps_per_sync", "changed_percent", "expected_percent",
                   "half_ulp_percent", "words"}),
          exponents(folder / "exponents.tsv", note,
                    {"learning_rate", "exponent", "words_percent", "changed_percent",
                     "expected_percent", "share_of_changes_percent"}),
          prediction(folder / "prediction.tsv", note,
                     {"learning_rate", "changed", "missed_by_threshold_percent",
                      "cried_wolf_by_threshold_percent", "missed_foretold_percent",
                      "cried_wolf_foretold_percent", "missed_undone", "cried_wolf_undone",
                      "reported_wrongly"}) {}

    void add(const std::string& rate, const DensityTrial& trial) {
        for (const auto& [steps, count] : trial.by_steps) {
            density.add({rate, std::to_string(steps), percent(count.changed, count.words),
                         percent(count.expected, count.words), percent(count.half_ulp, count.words),
                         whole(count.words)});
        }
        const ChangeCount all = sum_of(trial.by_exponent);
        for (int exponent = 0; exponent < kExponents; ++exponent) {
            const ChangeCount& count = trial.by_exponent[static_cast<std::size_t>(exponent)];
            if (count.words < kFewestWords) continue;
            exponents.add({rate, std::to_string(exponent - 127), percent(count.words, all.words),
                           percent(count.changed, count.words),
                           percent(count.expected, count.words),
                           percent(count.changed, all.changed)});
        }
        const PredictionCount& said = trial.prediction;
        prediction.add({rate, whole(said.changed), percent(said.threshold.missed, said.changed),
                        percent(said.threshold.cried_wolf, said.changed),
                        percent(said.foretold.missed, said.changed),
                        percent(said.foretold.cried_wolf, said.changed), whole(said.undone.missed),
                        whole(said.undone.cried_wolf), whole(trial.reported_wrongly)});
    }
};

void measure(const Options& options) {
    Tables tables(options.results, options.note);
    std::vector<GameGroup> groups;
    for (const std::string& rate : options.rates) {
        std::vector<std::string> overrides = options.overrides;
        overrides.push_back("trainer.learning_rate=" + rate);
        const Config config = load_config(options.config, overrides);
        const std::unique_ptr<NativeTrainer> trainer = make_native_trainer(config);
        if (groups.empty()) {
            const auto most = static_cast<std::size_t>((options.settle + kMeasuredSteps) *
                                                       config.trainer.groups_per_step);
            groups = read_games(options.bucket, options.run, *trainer, most);
        }
        tables.add(rate, run_trial(*trainer, config.trainer, groups, options.settle));
    }
}

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    CLI::App app{"How many words an optimizer step changes, and why."};
    dws::Options options;
    app.add_option("--config", options.config, "YAML of the run that played the games")->required();
    app.add_option("--set", options.overrides, "KEY=VALUE, over the config, repeatable");
    app.add_option("--bucket", options.bucket, "of that run")->required();
    app.add_option("--run", options.run, "its name")->required();
    app.add_option("--results", options.results, "folder for the tables")->required();
    app.add_option("--note", options.note, "first line of each table, as a comment");
    app.add_option("--settle", options.settle, "steps before the measured ones")
        ->check(CLI::Range(1, 100'000));
    app.add_option("--rates", options.rates, "learning rates");
    CLI11_PARSE(app, argc, argv);
    try {
        dws::measure(options);
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_density: {}\n", error.what());
        return 1;
    }
}
