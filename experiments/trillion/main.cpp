// bench_trillion: what one version of a model with 1e12 parameters costs sender and receiver, from
// a share of its layers. Memory stays flat: tiles are made up, sent and received batch by batch.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "experiments/trillion/long_array.h"
#include "experiments/trillion/moe_layout.h"
#include "experiments/trillion/null_bucket.h"
#include "experiments/trillion/stream.h"
#include "experiments/wire/tables.h"

namespace dws {
namespace {

constexpr double kRanks = 64;

struct Density {
    const char* label;
    StepScenario scenario;
};
constexpr Density kDensities[] = {{"0.3 %", {.learning_rate = 4e-7, .steps = 60}},
                                  {"1 %", {.learning_rate = 1.25e-6, .steps = 60}}};

struct Options {
    std::string results = "out/bench_trillion";
    std::string note;
    std::vector<std::size_t> layers{0, 1};
    double share = 0.75;
    std::size_t threads = 2;
    std::size_t batch_mib = 128;
    bool has_long_array = false;
    bool is_quick = false;
};

// Of this process, from /proc/self/status: "VmRSS", "VmHWM".
double memory_mib(const std::string& field) {
    std::ifstream status("/proc/self/status");
    for (std::string name; status >> name;) {
        double kib = 0;
        if (name == field + ":" && status >> kib) return kib / 1024;
        status.ignore(1'000, '\n');
    }
    throw std::runtime_error("/proc/self/status: no " + field);
}

// A run of the table's tiles.
struct TileRun {
    std::size_t first;
    std::size_t tiles;
};

std::vector<TileRun> sampled(const ArrayTable& table, const MoeLayout& layout,
                             const Options& options) {
    std::vector<TileRun> runs;
    for (const std::size_t layer : options.layers) {
        if (layer + 1 >= layout.layer_starts.size()) {
            throw std::runtime_error(fmt::format("no layer {}", layer));
        }
        const std::size_t first = table.first_tile(layout.layer_starts[layer]);
        const std::size_t tiles = table.first_tile(layout.layer_starts[layer + 1]) - first;
        runs.push_back(
            {first, std::max<std::size_t>(
                        1, static_cast<std::size_t>(static_cast<double>(tiles) * options.share))});
    }
    if (options.has_long_array) {
        const std::size_t tiles = 16 + 1;  // the one before 2^32 among them
        runs.push_back({table.tiles() - tiles, tiles});
    }
    return runs;
}

std::size_t total_tiles(const std::vector<TileRun>& runs) {
    std::size_t tiles = 0;
    for (const TileRun& run : runs) tiles += run.tiles;
    return tiles;
}

// Memory at the start, in the middle and at the end of a stream.
struct Memory {
    double start_mib = 0;
    double middle_mib = 0;
    double end_mib = 0;
};

Memory stream_runs(const std::vector<TileRun>& runs, std::size_t step, Stream& stream) {
    const std::size_t all = total_tiles(runs);
    Memory memory;
    std::size_t done = 0;
    for (const TileRun& run : runs) {
        for (std::size_t at = 0; at < run.tiles; at += step) {
            const std::size_t tiles = std::min(step, run.tiles - at);
            stream.run(run.first + at, tiles);
            const bool was_first = done == 0;
            const bool was_before_middle = done < all / 2;
            done += tiles;
            if (was_first) memory.start_mib = memory_mib("VmRSS");
            if (was_before_middle && done >= all / 2) memory.middle_mib = memory_mib("VmRSS");
        }
    }
    memory.end_mib = memory_mib("VmRSS");
    return memory;
}

std::vector<std::string> columns() {
    return {"density",
            "changed_percent",
            "bytes_per_change",
            "sampled_words",
            "memcpy_gb_s",
            "encode_x",
            "file_x",
            "hash_x",
            "check_x",
            "patch_x",
            "send_x",
            "receive_x",
            "send_gb_s",
            "receive_gb_s",
            "step_gb",
            "send_s_1_rank",
            "send_s_64_ranks",
            "receive_s_1_rank",
            "receive_s_64_ranks",
            "rss_mib_start",
            "rss_mib_middle",
            "rss_mib_end",
            "rss_mib_peak"};
}

std::vector<std::string> row_of(const Density& density, const ArrayTable& table,
                                const Stream& stream, const Memory& memory) {
    const StageSeconds& seconds = stream.seconds();
    const auto gigabytes = static_cast<double>(stream.word_bytes()) / 1e9;
    const double scale = static_cast<double>(table.words()) / static_cast<double>(stream.words());
    const auto changed = static_cast<double>(stream.changed_words());
    const auto file_bytes = static_cast<double>(stream.file_bytes());
    return {density.label,
            number(100 * changed / static_cast<double>(stream.words())),
            number(file_bytes / changed),
            std::to_string(stream.words()),
            number(gigabytes / seconds.copy),
            number(seconds.encode / seconds.copy),
            number(seconds.file / seconds.copy),
            number(seconds.hash / seconds.copy),
            number(seconds.check / seconds.copy),
            number(seconds.patch / seconds.copy),
            number(seconds.sender() / seconds.copy),
            number(seconds.receiver() / seconds.copy),
            number(gigabytes / seconds.sender()),
            number(gigabytes / seconds.receiver()),
            number(scale * file_bytes / 1e9),
            number(scale * seconds.sender()),
            number(scale * seconds.sender() / kRanks),
            number(scale * seconds.receiver()),
            number(scale * seconds.receiver() / kRanks),
            number(memory.start_mib),
            number(memory.middle_mib),
            number(memory.end_mib),
            number(memory_mib("VmHWM"))};
}

void print_summary(const ArrayTable& table, const Stream& stream, const Memory& memory) {
    const double scale = static_cast<double>(table.words()) / static_cast<double>(stream.words());
    const double send_s = scale * stream.seconds().sender();
    const double receive_s = scale * stream.seconds().receiver();
    fmt::print(
        "  a whole version: {:.3g} GB; sender {:.3g} s, of {} ranks each {:.3g} s; receiver "
        "{:.3g} s, each {:.3g} s\n",
        scale * static_cast<double>(stream.file_bytes()) / 1e9, send_s, kRanks, send_s / kRanks,
        receive_s, receive_s / kRanks);
    fmt::print("  memory: {:.0f} MiB at the start, {:.0f} in the middle, {:.0f} at the end\n",
               memory.start_mib, memory.middle_mib, memory.end_mib);
}

void bench(const Options& options) {
    const double before_mib = memory_mib("VmRSS");
    MoeLayout layout = moe_layout({});
    const std::size_t long_index = layout.specs.size();
    if (options.has_long_array) layout.specs.push_back(long_array());
    const ArrayTable table = *ArrayTable::make(TensorLayout(std::move(layout.specs)));
    const std::vector<TileRun> runs = sampled(table, layout, options);
    fmt::print("{} parameters in {} arrays, {} tiles; the table takes {:.0f} MiB\n", table.words(),
               table.layout().specs().size(), table.tiles(), memory_mib("VmRSS") - before_mib);
    fmt::print("sampled: {} tiles, {:.3f} % of the model; the rest is extrapolated\n",
               total_tiles(runs),
               100.0 * static_cast<double>(total_tiles(runs)) / static_cast<double>(table.tiles()));
    if (options.has_long_array) {
        check_long_array(table, long_index);
        fmt::print("positions past 2^32 words: both interchange encodings and the digest agree\n");
    }

    const std::size_t batch_tiles = options.batch_mib * 8;  // of 128 KiB
    Table results(std::filesystem::path(options.results) / "trillion.tsv", options.note, columns());
    for (Density density : kDensities) {
        if (options.is_quick) density.scenario.steps = 4;
        const TileSource source(density.scenario);
        NullBucket bucket;
        Stream stream(table, source, bucket,
                      {.threads = options.threads, .batch_tiles = batch_tiles});
        const Memory memory = stream_runs(runs, batch_tiles, stream);
        results.add(row_of(density, table, stream, memory));
        print_summary(table, stream, memory);
    }
}

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    CLI::App app{"Streams a share of a model with 1e12 parameters through sender and receiver."};
    dws::Options options;
    app.add_option("--layers", options.layers, "that are sampled, 0 to 60; only 0 has no experts");
    app.add_option("--share", options.share, "of each sampled layer's tiles")
        ->check(CLI::Range(1e-6, 1.0));
    app.add_option("--threads", options.threads)->check(CLI::Range(1, 256));
    app.add_option("--batch-mib", options.batch_mib, "of weights at a time; three times in memory")
        ->check(CLI::Range(1, 65'536));
    app.add_flag("--long-array", options.has_long_array,
                 "add an array of more than 2^32 words, and stream its end");
    app.add_option("--results", options.results, "folder for the table");
    app.add_option("--note", options.note, "first line of the table, as a comment");
    app.add_flag("--quick", options.is_quick, "seconds: a hundredth of the share, fewer steps");
    CLI11_PARSE(app, argc, argv);
    if (options.is_quick) options.share /= 100;

    try {
        dws::bench(options);
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_trillion: {}\n", error.what());
        return 1;
    }
}
