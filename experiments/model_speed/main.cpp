// bench_model: a training step, decoding steps and single matrix products at the sizes of
// Qwen3-0.6B, beside PyTorch, beside reading the weights, and beside oneDNN.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <stdexcept>

#include "experiments/model_speed/measured_model.h"
#include "experiments/model_speed/measurements.h"

namespace dws {
namespace {

struct Options {
    std::vector<std::string> parts{"training", "decoding", "products"};
    std::string results = "out/bench_model";
    std::string note;
    std::string python;
    std::string llama_python;
    std::filesystem::path scripts = "experiments/model_speed";
    std::vector<int> threads{1, 2};
    std::vector<int> contexts{128, 1024};
    int rounds = 5;
    int tokens = 1024;
    int layers = 28;
    bool is_quick = false;
};

Measurement measurement_of(const Options& options) {
    Measurement measurement{.model = qwen3_0_6b(options.layers),
                            .rounds = options.rounds,
                            .tokens = options.tokens,
                            .threads = options.threads,
                            .batches = {1, 8, 16, 32},
                            .contexts = options.contexts,
                            .results = options.results,
                            .note = options.note,
                            .torch = {},
                            .llama = {}};
    std::ranges::sort(measurement.threads);
    if (options.layers != 28)
        measurement.note += fmt::format(" (a sample: {} of 28 layers)", options.layers);
    if (!options.python.empty())
        measurement.torch = PeerScript{options.python, options.scripts / "torch_step.py"};
    if (!options.llama_python.empty())
        measurement.llama = PeerScript{options.llama_python, options.scripts / "llama_decode.py"};
    if (!options.is_quick) return measurement;
    measurement.model = small_model();
    measurement.rounds = 1;
    measurement.tokens = 64;
    measurement.contexts = {16, 64};
    measurement.note += " (--quick: a small model, the numbers mean nothing)";
    return measurement;
}

void run(const Options& options) {
    const Measurement measurement = measurement_of(options);
    Targets targets;
    const auto has = [&](const char* part) { return std::ranges::count(options.parts, part) > 0; };
    if (has("training")) measure_training(measurement, targets);
    if (has("decoding")) measure_decoding(measurement, targets);
    if (has("products")) measure_products(measurement);
    targets.write(measurement);
}

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    CLI::App app{"Training, decoding and matrix products at the sizes of Qwen3-0.6B."};
    dws::Options options;
    app.add_option("--parts", options.parts, "of training, decoding, products")
        ->check(CLI::IsMember({"training", "decoding", "products"}));
    app.add_option("--python", options.python,
                   "with torch and transformers: PyTorch's training step is measured in turn");
    app.add_option("--llama-python", options.llama_python,
                   "with xllamacpp, gguf and numpy: llama.cpp's decoding is measured too");
    app.add_option("--scripts", options.scripts, "folder of the peers' scripts");
    app.add_option("--rounds", options.rounds, "each time is the median of so many")
        ->check(CLI::Range(1, 1'000));
    app.add_option("--threads", options.threads, "numbers of threads to measure with")
        ->check(CLI::Range(1, 256));
    app.add_option("--contexts", options.contexts, "of decoding, tokens")
        ->check(CLI::Range(1, 40'000));
    app.add_option("--tokens", options.tokens, "of a training step")->check(CLI::Range(1, 4'096));
    app.add_option("--layers", options.layers, "fewer than all 28: a sample")
        ->check(CLI::Range(1, 28));
    app.add_option("--results", options.results, "folder for the tables");
    app.add_option("--note", options.note, "first line of each table, as a comment");
    app.add_flag("--quick", options.is_quick, "seconds: a small model, one round");
    CLI11_PARSE(app, argc, argv);

    try {
        dws::run(options);
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_model: {}\n", error.what());
        return 1;
    }
}
