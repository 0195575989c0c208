#include "sync/checkpoint/push.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "sync/log_end.h"
#include "sync/replica.h"
#include "sync/state_loader.h"
#include "sync/tool/checkpoint_words.h"
#include "sync/tool/counted_bucket.h"
#include "sync/tool/output.h"
#include "sync/tool/progress.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

constexpr std::size_t kMebibyte = 1u << 20;

struct Options {
    RunPlace place;
    std::string checkpoint;
    std::string base;  // empty: rebuilt from the bucket
    CodecChoice codec;
    std::size_t file_mib = 64;
    std::string key_file;
    bool is_json = false;
};

// One push, from the log as it is now to the committed version.
class Push {
public:
    Push(const Options& options, Bucket& bucket, RunLog log, CheckpointWords pushed,
         std::stop_token stop)
        : options_(options),
          bucket_(bucket),
          log_(std::move(log)),
          pushed_(std::move(pushed)),
          stop_(std::move(stop)),
          push_(bucket, pushed_.checkpoint, pushed_.words, log_,
                {.run = options.place.run,
                 .encoding = *encoding_named(options.codec.codec),
                 .file_bytes = options.file_mib * kMebibyte,
                 .threads = options.codec.threads,
                 .signer = signer_in(options.key_file)}) {}

    int run();

private:
    std::optional<std::string> refusal(const Record& newest);
    Result<Bytes> base_words(const Record& newest, std::string& what);
    int fail_at(const std::string& what, const Error& error) const;
    int tell_unchanged(const Record& newest) const;
    int tell(const PushedVersion& version) const;
    const ArrayTable& table() const { return pushed_.checkpoint.table; }

    const Options& options_;
    Bucket& bucket_;
    RunLog log_;
    const CheckpointWords pushed_;
    const std::stop_token stop_;
    CheckpointPush push_;
    const Stopwatch watch_;
};

int Push::run() {
    const Record* newest = log_.find(-1);
    if (newest != nullptr) {
        const std::optional<std::string> refused = refusal(*newest);
        if (refused) return fail(*refused, options_.is_json);
    } else {
        const Result<Done> probed = probe_put_if_absent(bucket_, options_.place.run);
        if (!probed) return fail(probed.error(), options_.is_json);
    }
    Progress comparing("comparing", table().word_bytes());
    const Result<Digest> digest =
        digest_words(table(), pushed_.words, options_.codec.threads, piece_done(comparing, stop_));
    comparing.wipe();
    if (!digest) return fail_at("CHECKPOINT", digest.error());
    Progress uploading("uploading", 0);
    const PieceDone uploaded = piece_done(uploading, stop_);
    const Result<bool> has_same_files = push_.upload_files(uploaded);
    uploading.wipe();
    if (!has_same_files) {
        const bool is_bucket = has_same_files.error().fault == Fault::transport;
        return fail_at(is_bucket ? "" : "CHECKPOINT", has_same_files.error());
    }
    if (newest != nullptr && *has_same_files && *digest == newest->digest)
        return tell_unchanged(*newest);
    Bytes base;
    if (newest != nullptr) {
        std::string what;
        Result<Bytes> words = base_words(*newest, what);
        if (!words) return fail_at(what, words.error());
        base = std::move(*words);
    }
    const Result<PushedVersion> version = push_.publish(*digest, base, uploaded);
    uploading.wipe();
    if (!version && version.error().fault == Fault::superseded)
        return fail(version.error().detail + "; another push was faster: push again",
                    options_.is_json);
    if (!version) return fail(version.error(), options_.is_json);
    return tell(*version);
}

// Why this checkpoint cannot be the run's next version.
std::optional<std::string> Push::refusal(const Record& newest) {
    const std::string& run = options_.place.run;
    if (manifest_of(newest) == nullptr)
        return fmt::format(
            "run {} is a trainer's: its versions have no files; push under another "
            "--run",
            run);
    if (newest.layout_hash == table().layout_hash()) return std::nullopt;
    std::string difference = "its arrays are others";
    const auto manifest = fetch_manifest(bucket_, newest);
    if (manifest) {
        const Result<ArrayTable> held = table_of_version(bucket_, log_, newest, *manifest, stop_);
        if (held)
            difference =
                first_difference(table(), "CHECKPOINT", *held, "the run").value_or(difference);
    }
    return fmt::format("{}; a run holds versions of the same arrays: push under another --run",
                       difference);
}

// The newest version's words: from the checkpoint that is still at hand, or from the bucket.
Result<Bytes> Push::base_words(const Record& newest, std::string& what) {
    if (!options_.base.empty()) {
        what = "--base";
        Result<CheckpointWords> base = read_checkpoint("--base", options_.base, stop_);
        if (!base) return base.error();
        const Result<Digest> digest =
            digest_words(base->checkpoint.table, base->words, options_.codec.threads, {});
        if (!digest) return digest.error();
        if (base->checkpoint.table.layout_hash() != newest.layout_hash || *digest != newest.digest)
            return Error{Fault::wrong_base, fmt::format("{} is not version {} of the run",
                                                        options_.base, newest.version)};
        return std::move(base->words);
    }
    Progress progress(fmt::format("rebuilding version {}", newest.version), 0);
    CountedBucket counted(bucket_, progress);
    Bytes words(table().layout().size_bytes());
    Replica replica(table(), words);
    const Result<Done> loaded =
        load_version(counted, options_.place.run, log_.history, replica, newest.version, stop_);
    if (!loaded) return loaded.error();
    return words;
}

int Push::fail_at(const std::string& what, const Error& error) const {
    if (what.empty()) return fail(error, options_.is_json);
    return fail_locally(what, error, options_.is_json);
}

int Push::tell_unchanged(const Record& newest) const {
    const std::string line =
        fmt::format("unchanged: version {} of run {} is this checkpoint, digest {}", newest.version,
                    options_.place.run, newest.digest.hex());
    print_line(options_.is_json ? json_line({{"ok", true},
                                             {"published", false},
                                             {"version", newest.version},
                                             {"digest", newest.digest.hex()}})
                                : line);
    return kExitOk;
}

int Push::tell(const PushedVersion& version) const {
    const Record& record = version.record;
    if (options_.is_json) {
        const auto as_fact = [](auto count) { return static_cast<std::int64_t>(count); };
        print_line(json_line({{"ok", true},
                              {"published", true},
                              {"kind", std::string(name_of(record.kind))},
                              {"version", record.version},
                              {"changed_words", as_fact(record.changed_words)},
                              {"total_words", as_fact(record.total_words)},
                              {"word_file_bytes", as_fact(version.word_file_bytes)},
                              {"full_bytes", as_fact(table().word_bytes())},
                              {"other_objects", as_fact(version.other_objects)},
                              {"other_bytes", as_fact(version.other_bytes)},
                              {"digest", record.digest.hex()},
                              {"seconds", watch_.seconds()}}));
        return kExitOk;
    }
    std::string line = fmt::format("version {} of run {} | ", record.version, record.run);
    const auto bytes = static_cast<double>(version.word_file_bytes);
    const auto full = static_cast<double>(table().word_bytes());
    if (record.kind == RecordKind::anchor)
        line += fmt::format("anchor {}", human_bytes(bytes));
    else
        line += fmt::format(
            "delta {} of {} ({:.1f}x smaller) | {} words changed ({:.3f} %)", human_bytes(bytes),
            human_bytes(full), bytes > 0 ? full / bytes : 0, with_commas(record.changed_words),
            record.total_words == 0 ? 0
                                    : 1e2 * static_cast<double>(record.changed_words) /
                                          static_cast<double>(record.total_words));
    line += fmt::format(" | other files {} in {} new objects | {:.1f} s | digest {}",
                        human_bytes(static_cast<double>(version.other_bytes)),
                        version.other_objects, watch_.seconds(), record.digest.hex());
    print_line(line);
    return kExitOk;
}

int run(const Options& options, std::stop_token stop) {
    Result<CheckpointWords> pushed = read_checkpoint("CHECKPOINT", options.checkpoint, stop);
    if (!pushed) return fail_locally("CHECKPOINT", pushed.error(), options.is_json);
    const std::unique_ptr<Bucket> bucket = open_bucket(options.place.bucket, {}, {}, stop);
    const Result<std::uint64_t> listed = listed_log_end(*bucket, options.place.run);
    if (!listed) return fail(listed.error(), options.is_json);
    Trust trust = trust_of(options.place);
    // Who signs goes on from what it signed itself, unless told otherwise.
    if (const auto signer = signer_in(options.key_file); signer && !trust.log)
        trust.log = signer->shared();
    Result<RunLog> log = read_run_log(*bucket, options.place.run, stop, trust);
    if (!log) return fail(log.error(), options.is_json);
    // A record put where one was lost would make those after it another log's.
    const Result<Done> whole = check_log_end(*listed, log->position.next_sequence);
    if (!whole) return fail(whole.error(), options.is_json);
    if (log->versions.empty() && log->position.next_sequence > 0)
        return fail(fmt::format("run {} has a log but no version; push under another --run",
                                options.place.run),
                    options.is_json);
    return Push(options, *bucket, std::move(*log), std::move(*pushed), stop).run();
}

}  // namespace

Verb add_push(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb =
        app.add_subcommand("push", "Put a checkpoint into a bucket as the next version of a run");
    verb->footer(
        "The first push stores the checkpoint whole, each later one only what changed since the\n"
        "newest version: that one is rebuilt from the bucket, or read from --base. Headers,\n"
        "sharding and all other files travel along (not .git and .cache), so `dws pull` gives\n"
        "the same folder back, byte for byte. Memory: the weights twice, three times while the\n"
        "newest version is rebuilt, a few files, and ten bytes for each word that a delta on its\n"
        "road changes (gap_delta, raw: also the one pushed). Example:\n"
        "  dws push --bucket /mnt/models --run qwen3 checkpoint-500");
    std::vector<Configurable> place = add_run_place(*verb, options->place);
    place.push_back(add_key(*verb, options->key_file));
    verb->add_option("CHECKPOINT", options->checkpoint,
                     "A Hugging Face folder (sharded or not) or one .safetensors file")
        ->required();
    verb->add_option("--base", options->base,
                     "The checkpoint pushed last, if still at hand: saves rebuilding it")
        ->type_name("CHECKPOINT");
    add_codec(*verb, options->codec);
    verb->add_option("--file-mib", options->file_mib, "Size at which files of words are cut")
        ->check(CLI::Range(1, 4'096))
        ->capture_default_str();
    verb->add_flag("--json", options->is_json, "The result as one JSON object");
    return {verb, place, [options](std::stop_token stop) { return run(*options, stop); }};
}

}  // namespace dws
