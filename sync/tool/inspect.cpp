#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>

#include "sync/checkpoint/checkpoint.h"
#include "sync/checkpoint/delta_contents.h"
#include "sync/checkpoint/manifest.h"
#include "sync/tool/local_file.h"
#include "sync/tool/output.h"
#include "sync/tool/progress.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

// A delta is read whole: no file of a run is larger.
constexpr std::uint64_t kMostDeltaBytes = 1ull << 36;
constexpr std::size_t kBarWidth = 30;

struct Options {
    std::string file;
    std::string base;
    bool is_json = false;
};

std::int64_t as_fact(std::uint64_t number) { return static_cast<std::int64_t>(number); }

double ratio(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string shape_of(const TensorSpec& spec) {
    std::string text;
    for (const std::int64_t extent : spec.shape)
        text += (text.empty() ? "" : ",") + std::to_string(extent);
    return "[" + text + "]";
}

// How many touched tiles have a density up to each bound.
void print_histogram(const std::vector<double>& densities) {
    constexpr std::array<double, 8> kBounds{0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1};
    std::array<std::uint64_t, kBounds.size()> tiles{};
    for (const double density : densities) {
        const auto bound = std::lower_bound(kBounds.begin(), kBounds.end() - 1, density);
        tiles[static_cast<std::size_t>(bound - kBounds.begin())] += 1;
    }
    const std::uint64_t most = *std::max_element(tiles.begin(), tiles.end());
    print_line("touched tiles, by the share of their words that changed:");
    for (std::size_t index = 0; index < tiles.size(); ++index)
        print_line(fmt::format("  up to {:6.2f} % {:>9} {}", 1e2 * kBounds[index],
                               with_commas(tiles[index]),
                               bar(ratio(tiles[index], most), kBarWidth)));
}

void print_delta_array(const DeltaArray& array, bool is_json) {
    const std::uint64_t changed = array.changed.value_or(0);
    if (is_json) {
        Facts facts{{"array", array.name}, {"bytes", as_fact(array.bytes)}};
        if (array.changed) facts.emplace_back("changed_words", as_fact(changed));
        if (array.words) facts.emplace_back("words", as_fact(*array.words));
        if (array.words && array.changed)
            facts.emplace_back("density", ratio(changed, *array.words));
        print_line(json_line(facts));
        return;
    }
    const std::string density = array.words && array.changed
                                    ? fmt::format("{:.3f} %", 1e2 * ratio(changed, *array.words))
                                    : "?";
    const std::string each =
        array.changed && changed > 0 ? fmt::format("{:.2f}", ratio(array.bytes, changed)) : "?";
    print_line(fmt::format("{:>14} {:>10} {:>11} {:>6}  {}",
                           array.changed ? with_commas(changed) : "?", density,
                           human_bytes(static_cast<double>(array.bytes)), each, array.name));
}

void print_delta(const DeltaContents& contents, std::uint64_t file_bytes, bool is_json) {
    const DeltaFacts& facts = contents.facts;
    const std::string from = facts.base_digest ? facts.base_digest->hex() : "";
    const std::string to = facts.digest ? facts.digest->hex() : "";
    if (is_json) {
        print_line(json_line({{"kind", "delta"},
                              {"encoding", contents.encoding},
                              {"version", facts.version},
                              {"base_version", facts.is_compact ? facts.base_version : -1},
                              {"changed_words", as_fact(facts.changed_words)},
                              {"total_words", as_fact(contents.total_words)},
                              {"file_bytes", as_fact(file_bytes)},
                              {"base_digest", from},
                              {"digest", to},
                              {"tiles_untouched", as_fact(contents.untouched)},
                              {"tiles_flat", as_fact(contents.flat)},
                              {"tiles_classes", as_fact(contents.classes)},
                              {"tiles_raw", as_fact(contents.raw)}}));
    } else {
        const std::string origin =
            facts.is_compact ? fmt::format("from version {} ", facts.base_version) : "";
        print_line(fmt::format("delta {}to version {}, encoding {}", origin, facts.version,
                               contents.encoding));
        print_line(fmt::format(
            "{} of {} words changed ({:.3f} %), {}, {:.2f} bytes per changed word",
            with_commas(facts.changed_words), with_commas(contents.total_words),
            1e2 * ratio(facts.changed_words, contents.total_words),
            human_bytes(static_cast<double>(file_bytes)), ratio(file_bytes, facts.changed_words)));
        print_line(from.empty() && to.empty() ? "no digests: nothing proves a base"
                                              : fmt::format("digest {} -> {}", from, to));
        if (facts.is_compact)
            print_line(fmt::format(
                "tiles of 65,536 words: {} untouched, {} flat (F), {} by classes (X), {} raw",
                with_commas(contents.untouched), with_commas(contents.flat),
                with_commas(contents.classes), with_commas(contents.raw)));
        if (facts.is_compact && contents.arrays.empty())
            print_line(
                "arrays are not named in it: --base CHECKPOINT shows them, and short tiles "
                "by their size");
        if (!contents.densities.empty()) print_histogram(contents.densities);
        if (!contents.arrays.empty())
            print_line(fmt::format("{:>14} {:>10} {:>11} {:>6}  array", "changed words", "density",
                                   "size", "each"));
    }
    for (const DeltaArray& array : contents.arrays) print_delta_array(array, is_json);
}

void print_arrays(const CheckpointShard& shard, bool is_json) {
    for (const TensorPlace& place : shard.parsed.tensors) {
        if (is_json)
            print_line(json_line({{"array", place.spec.name},
                                  {"file", shard.path},
                                  {"dtype", std::string(name_of(place.spec.dtype))},
                                  {"shape", shape_of(place.spec)},
                                  {"bytes", as_fact(place.size_bytes)}}));
        else
            print_line(fmt::format(
                "{:>8} {:>16} {:>11}  {}", name_of(place.spec.dtype), shape_of(place.spec),
                human_bytes(static_cast<double>(place.size_bytes)), place.spec.name));
    }
}

int inspect_checkpoint(const Options& options) {
    const Result<Checkpoint> checkpoint = open_checkpoint(options.file);
    if (!checkpoint) return fail_locally("FILE", checkpoint.error(), options.is_json);
    const ArrayTable& table = checkpoint->table;
    if (options.is_json)
        print_line(json_line({{"kind", "checkpoint"},
                              {"arrays", as_fact(table.layout().specs().size())},
                              {"words", as_fact(table.words())},
                              {"bytes", as_fact(table.word_bytes())},
                              {"files", as_fact(checkpoint->shards.size())},
                              {"other_files", as_fact(checkpoint->others.size())},
                              {"layout_hash", table.layout_hash()}}));
    else
        print_line(fmt::format("{} arrays, {} words, {} in {} safetensors files; {} other files",
                               table.layout().specs().size(), with_commas(table.words()),
                               human_bytes(static_cast<double>(table.word_bytes())),
                               checkpoint->shards.size(), checkpoint->others.size()));
    for (const CheckpointShard& shard : checkpoint->shards) {
        if (!options.is_json) {
            print_line(fmt::format("{}: {}", shard.path,
                                   human_bytes(static_cast<double>(shard.parsed.file_bytes))));
            for (const auto& [name, text] : shard.parsed.metadata)
                print_line(fmt::format("  {} = {}", name, text.substr(0, 120)));
        }
        print_arrays(shard, options.is_json);
    }
    return kExitOk;
}

int inspect_delta(const Options& options) {
    const Result<Bytes> file = read_local_file(options.file, kMostDeltaBytes);
    if (!file) return fail_locally("FILE", file.error(), options.is_json);
    std::optional<Checkpoint> base;
    if (!options.base.empty()) {
        Result<Checkpoint> opened = open_checkpoint(options.base);
        if (!opened) return fail_locally("--base", opened.error(), options.is_json);
        base = std::move(*opened);
    }
    const Result<DeltaContents> contents =
        read_delta_contents(*file, base ? &base->table : nullptr);
    if (!contents) return fail_locally("FILE", contents.error(), options.is_json);
    print_delta(*contents, file->size(), options.is_json);
    return kExitOk;
}

int inspect_manifest(const Options& options) {
    const Result<Bytes> file = read_local_file(options.file, kMaxManifestBytes);
    if (!file) return fail_locally("FILE", file.error(), options.is_json);
    const Result<CheckpointManifest> manifest = decode_manifest(*file);
    if (!manifest) return fail_locally("FILE", manifest.error(), options.is_json);
    if (options.is_json)
        print_line(json_line({{"kind", "manifest"},
                              {"files", as_fact(manifest->shards.size())},
                              {"other_files", as_fact(manifest->files.size())}}));
    for (const CheckpointShard& shard : manifest->shards) {
        if (!options.is_json) print_line(fmt::format("header of {}", shard.path));
        print_arrays(shard, options.is_json);
    }
    for (const auto& [path, key] : manifest->files)
        print_line(options.is_json ? json_line({{"path", path}, {"object", key}})
                                   : fmt::format("{} is {}", path, key));
    return kExitOk;
}

int run(const Options& options) {
    std::error_code error;
    if (std::filesystem::is_directory(options.file, error)) return inspect_checkpoint(options);
    const Result<Checkpoint> file = open_checkpoint(options.file);
    if (!file) return fail_locally("FILE", file.error(), options.is_json);
    const Metadata& metadata = file->shards.front().parsed.metadata;
    const auto has = [&](const char* name, const char* text) {
        const auto found = metadata.find(name);
        return found != metadata.end() && found->second == text;
    };
    if (has("format", "dws_files")) return inspect_manifest(options);
    const bool is_interchange = has("format", "sparse_weight_patch") && has("sparse", "True");
    if (has("format", "dws_compact") || is_interchange) return inspect_delta(options);
    return inspect_checkpoint(options);
}

}  // namespace

Verb add_inspect(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand("inspect", "Show what is in a delta or a checkpoint");
    verb->footer(
        "Of a delta: what it leads from and to, its size and how its tiles are stored; with "
        "--base\n"
        "also every array. Of a checkpoint, an anchor's file or any safetensors file: its arrays.\n"
        "Only headers of checkpoints are read; a delta is read whole. Example:\n"
        "  dws inspect my.delta.safetensors --base Qwen3-0.6B");
    verb->add_option("FILE", options->file, "A .safetensors file, or a checkpoint's folder")
        ->required();
    verb->add_option("--base", options->base,
                     "Of a delta: a checkpoint of the same arrays, for their names and sizes")
        ->type_name("CHECKPOINT");
    verb->add_flag("--json", options->is_json, "JSON lines: the whole, then one for each array");
    return {verb, {}, [options](std::stop_token) { return run(*options); }};
}

}  // namespace dws
