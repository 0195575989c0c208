#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "sync/bucket/bucket.h"
#include "sync/chain.h"
#include "sync/checkpoint/version.h"
#include "sync/log_end.h"
#include "sync/tool/output.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

// A record whose answer was lost is asked for again; each try waits as long as the bucket retries.
constexpr int kSettleAttempts = 3;

struct Options {
    RunPlace place;
    std::string old_file;
    std::string new_file;
    bool is_json = false;
};

// Why there is nothing to hand over; empty when there is.
std::string refusal(const RunLog& log, const Identity& before, const Identity& after,
                    const Options& options) {
    const ChainPosition& end = log.position;
    if (end.next_sequence == 0)
        return fmt::format("run {} has no log in {}; check --bucket and --run", options.place.run,
                           options.place.bucket);
    if (before.shared() == after.shared()) return "OLD.key and NEW.key are the same key";
    if (end.has_ended)
        return fmt::format("run {} has ended; nothing is signed any more", options.place.run);
    if (end.signer && !(*end.signer == before.shared()))
        return fmt::format("run {} is signed by key {} now, OLD.key is key {}", options.place.run,
                           end.signer->id(), before.shared().id());
    return {};
}

// The record of a reign that ends here: the old writer is fenced off, the next one has the new key.
Result<Record> hand_over(Bucket& bucket, const RunLog& log, const std::string& run,
                         const Identity& before, const PublicIdentity& after) {
    Record draft;
    draft.kind = RecordKind::epoch;
    draft.next_key = after.text();
    if (const Record* newest = log.find(-1)) {
        draft.total_words = newest->total_words;
        draft.layout_hash = newest->layout_hash;
    }
    ChainWriter writer(bucket, run, log.position, log.position.epoch + 1, before);
    Result<Record> record = writer.commit(std::move(draft));
    for (int attempt = 0; attempt < kSettleAttempts && writer.is_in_doubt(); ++attempt)
        record = writer.settle();
    return record;
}

int run(const Options& options, std::stop_token stop) {
    const Identity before = Identity::read(options.old_file);
    const Identity after = Identity::read(options.new_file);
    Trust trust = trust_of(options.place);
    if (!trust.log) trust.log = before.shared();
    const std::unique_ptr<Bucket> bucket = open_bucket(options.place.bucket, {}, {}, stop);
    const Result<std::uint64_t> listed = listed_log_end(*bucket, options.place.run);
    if (!listed) return fail(listed.error(), options.is_json);
    const Result<RunLog> log = read_run_log(*bucket, options.place.run, stop, trust);
    if (!log) return fail(log.error(), options.is_json);
    // A record put where one was lost would make those after it another log's.
    const Result<Done> whole = check_log_end(*listed, log->position.next_sequence);
    if (!whole) return fail(whole.error(), options.is_json);
    const std::string why = refusal(*log, before, after, options);
    if (!why.empty()) return fail(why, options.is_json);
    const Result<Record> record =
        hand_over(*bucket, *log, options.place.run, before, after.shared());
    if (!record) return fail(record.error(), options.is_json);
    print_line(
        options.is_json
            ? json_line({{"ok", true},
                         {"sequence", static_cast<std::int64_t>(record->sequence)},
                         {"epoch", static_cast<std::int64_t>(record->epoch)},
                         {"old_id", before.shared().id()},
                         {"new_id", after.shared().id()},
                         {"new_public", after.shared().text()}})
            : fmt::format("record {} of run {}: key {} handed over to key {}; go on with "
                          "trainer_bridge --resume and keys.own: {} (keys.trainer stays as it is)",
                          record->sequence, record->run, before.shared().id(), after.shared().id(),
                          options.new_file));
    return kExitOk;
}

}  // namespace

Verb add_rotate_key(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb =
        app.add_subcommand("rotate-key", "Hand a run's log over from one signing key to another");
    verb->footer(
        "Appends a record, signed by OLD.key, that names NEW.key: every record after it must be\n"
        "signed by the new key, and who has pinned the old one follows. Stop the trainer first: "
        "it\n"
        "is fenced off by this record. Jumps that the old key signed count no longer, unless its\n"
        "public text is listed under keys.compactors; `dws compact` with the new key makes "
        "others.\n"
        "After a leak this does not help, since a thief can do the same: pin a new key with\n"
        "--since (SECURITY.md, \"After a leak\"). Example:\n"
        "  dws rotate-key --bucket /mnt/models --run qwen3 old.key new.key");
    const std::vector<Configurable> place = add_run_place(*verb, options->place);
    verb->add_option("OLD.key", options->old_file, "The key that signs the run now")->required();
    verb->add_option("NEW.key", options->new_file, "The key that shall sign from here on")
        ->required();
    verb->add_flag("--json", options->is_json, "The result as one JSON object");
    return {verb, place, [options](std::stop_token stop) { return run(*options, stop); }};
}

}  // namespace dws
