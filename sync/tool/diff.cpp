#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/clock.h"
#include "sync/checkpoint/delta.h"
#include "sync/checkpoint/output.h"
#include "sync/tool/checkpoint_words.h"
#include "sync/tool/output.h"
#include "sync/tool/progress.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

struct Options {
    std::string base;
    std::string next;
    std::string delta;
    CodecChoice codec;
    bool is_json = false;
};

double share(double part, double whole) { return whole == 0 ? 0 : part / whole; }

void tell(const Options& options, const ArrayTable& table, const CheckpointDelta& delta,
          double seconds) {
    const auto changed = static_cast<double>(delta.changed_words);
    const auto bytes = static_cast<double>(delta.file.size());
    const auto full = static_cast<double>(table.word_bytes());
    const double density = share(changed, static_cast<double>(table.words()));
    if (options.is_json) {
        print_line(json_line({{"ok", true},
                              {"changed_words", static_cast<std::int64_t>(delta.changed_words)},
                              {"total_words", static_cast<std::int64_t>(table.words())},
                              {"density", density},
                              {"delta_bytes", static_cast<std::int64_t>(delta.file.size())},
                              {"full_bytes", static_cast<std::int64_t>(table.word_bytes())},
                              {"bytes_per_change", share(bytes, changed)},
                              {"base_digest", delta.base_digest.hex()},
                              {"digest", delta.digest.hex()},
                              {"seconds", seconds}}));
        return;
    }
    print_line(fmt::format("{} of {} words changed ({:.3f} %)", with_commas(delta.changed_words),
                           with_commas(table.words()), 1e2 * density));
    print_line(fmt::format(
        "{}: {} of {} ({:.1f}x smaller), {:.2f} bytes per changed word, {:.1f} s", options.delta,
        human_bytes(bytes), human_bytes(full), share(full, bytes), share(bytes, changed), seconds));
    print_line(fmt::format("digest {} -> {}", delta.base_digest.hex(), delta.digest.hex()));
}

int run(const Options& options, std::stop_token stop) {
    const Stopwatch watch;
    const Result<CheckpointWords> base = read_checkpoint("BASE", options.base, stop);
    if (!base) return fail_locally("BASE", base.error(), options.is_json);
    const Result<CheckpointWords> next = read_checkpoint("NEXT", options.next, stop);
    if (!next) return fail_locally("NEXT", next.error(), options.is_json);
    const ArrayTable& table = base->checkpoint.table;
    const std::optional<std::string> difference =
        first_difference(table, "BASE", next->checkpoint.table, "NEXT");
    if (difference)
        return fail(*difference + "; a delta is between two checkpoints of the same arrays",
                    options.is_json);
    Progress progress("comparing", 2 * table.word_bytes());
    const Result<CheckpointDelta> delta =
        make_checkpoint_delta(table, base->words, next->words, *encoding_named(options.codec.codec),
                              options.codec.threads, piece_done(progress, stop));
    progress.wipe();
    if (!delta) return fail_locally("diff", delta.error(), options.is_json);
    const Result<Done> written = write_new_file(options.delta, delta->file);
    if (!written) return fail_locally("DELTA", written.error(), options.is_json);
    tell(options, table, *delta, watch.seconds());
    return kExitOk;
}

}  // namespace

Verb add_diff(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand(
        "diff", "Write what turns one checkpoint into another, as one small file");
    verb->footer(
        "A checkpoint is a Hugging Face folder (sharded or not) or one .safetensors file. Both\n"
        "are read into memory whole and DELTA is there twice; gap_delta and raw take ten bytes\n"
        "more for each changed word. DELTA names the digests of both, so `dws patch` refuses any\n"
        "other base. Example:\n"
        "  dws diff Qwen3-0.6B my-fine-tune my.delta.safetensors");
    verb->add_option("BASE", options->base, "The checkpoint that the receiver has")->required();
    verb->add_option("NEXT", options->next, "The checkpoint that it shall have")->required();
    verb->add_option("DELTA", options->delta, "The file to write; it must not exist")->required();
    add_codec(*verb, options->codec);
    verb->add_flag("--json", options->is_json, "The result as one JSON object");
    return {verb, {}, [options](std::stop_token stop) { return run(*options, stop); }};
}

}  // namespace dws
