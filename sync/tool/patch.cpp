#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/clock.h"
#include "sync/checkpoint/delta.h"
#include "sync/checkpoint/output.h"
#include "sync/fetch.h"
#include "sync/tool/checkpoint_words.h"
#include "sync/tool/local_file.h"
#include "sync/tool/output.h"
#include "sync/tool/progress.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

struct Options {
    std::string base;
    std::string delta;
    std::string out;
    std::size_t threads = 1;
    bool is_json = false;
};

// OUT in BASE's form: its headers, its way to cut files, its other files.
Result<Done> write_out(const CheckpointWords& next, CheckpointOutput output, std::stop_token stop) {
    const Checkpoint& checkpoint = next.checkpoint;
    Progress progress("writing OUT", checkpoint.table.word_bytes());
    for (const CheckpointShard& shard : checkpoint.shards) {
        const Result<Done> written =
            output.write_shard(shard, checkpoint.table, next.words, piece_done(progress, stop));
        if (!written) return written;
    }
    for (const CheckpointFile& file : checkpoint.others) {
        const Result<Bytes> bytes = read_other(checkpoint, file);
        if (!bytes) return bytes.error();
        const Result<Done> written = output.write_file(file.path, *bytes);
        if (!written) return written;
    }
    return output.finish();
}

void tell(const Options& options, const DeltaFacts& facts, double seconds) {
    const bool is_proven = facts.base_digest && facts.digest;
    if (options.is_json) {
        print_line(json_line({{"ok", true},
                              {"changed_words", static_cast<std::int64_t>(facts.changed_words)},
                              {"proven", is_proven},
                              {"digest", facts.digest ? facts.digest->hex() : ""},
                              {"seconds", seconds}}));
        return;
    }
    print_line(fmt::format("{}: {} words changed, {:.1f} s", options.out,
                           with_commas(facts.changed_words), seconds));
    print_line(is_proven ? fmt::format("digest {} as the delta says", facts.digest->hex())
                         : "nothing proves that this was the right base: the delta names no "
                           "digests");
}

int run(const Options& options, std::stop_token stop) {
    const Stopwatch watch;
    Result<CheckpointWords> base = read_checkpoint("BASE", options.base, stop);
    if (!base) return fail_locally("BASE", base.error(), options.is_json);
    const ArrayTable& table = base->checkpoint.table;
    const Result<Bytes> delta =
        read_local_file(options.delta, largest_file_bytes(table.words(), table.word_bytes()));
    if (!delta) return fail_locally("DELTA", delta.error(), options.is_json);
    Result<CheckpointOutput> output = CheckpointOutput::begin(
        options.out,
        base->checkpoint.is_folder ? CheckpointOutput::Form::folder : CheckpointOutput::Form::file);
    if (!output) return fail_locally("OUT", output.error(), options.is_json);
    Progress progress("patching", 2 * table.word_bytes());
    const Result<DeltaFacts> facts =
        patch_checkpoint(table, *delta, base->words, options.threads, piece_done(progress, stop));
    progress.wipe();
    if (!facts)
        return fail_locally(facts.error().fault == Fault::wrong_base ? "BASE" : "DELTA",
                            facts.error(), options.is_json);
    const Result<Done> written = write_out(*base, std::move(*output), stop);
    if (!written) return fail_locally("OUT", written.error(), options.is_json);
    tell(options, *facts, watch.seconds());
    return kExitOk;
}

}  // namespace

Verb add_patch(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand("patch", "Turn a checkpoint into the one a delta leads to");
    verb->footer(
        "OUT has BASE's form (file or folder, sharding, headers, other files) and the new words.\n"
        "It is read into memory whole, checked against the delta's digests before anything is\n"
        "written, and appears under its name only when it is complete; a killed process leaves\n"
        "OUT.partial-*. Deltas of other tools (TRL's gap_delta and raw) name no digests and are\n"
        "applied on trust. Example:\n"
        "  dws patch Qwen3-0.6B my.delta.safetensors my-fine-tune");
    verb->add_option("BASE", options->base, "The checkpoint that the delta was made from")
        ->required();
    verb->add_option("DELTA", options->delta, "The file that `dws diff` wrote")->required();
    verb->add_option("OUT", options->out, "What to write; it must not exist, or be an empty folder")
        ->required();
    add_threads(*verb, options->threads);
    verb->add_flag("--json", options->is_json, "The result as one JSON object");
    return {verb, {}, [options](std::stop_token stop) { return run(*options, stop); }};
}

}  // namespace dws
