#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "sync/checkpoint/output.h"
#include "sync/checkpoint/plain.h"
#include "sync/checkpoint/version.h"
#include "sync/fetch.h"
#include "sync/replica.h"
#include "sync/state_loader.h"
#include "sync/tool/counted_bucket.h"
#include "sync/tool/output.h"
#include "sync/tool/progress.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

struct Options {
    RunPlace place;
    std::int64_t version = -1;  // the newest
    std::string out;
    bool is_json = false;
};

struct Pulled {
    std::size_t files = 0;
    std::uint64_t bytes = 0;
};

// One version on its way from the bucket into a folder.
class Pull {
public:
    Pull(const Options& options, Bucket& bucket, RunLog log, std::stop_token stop)
        : options_(options), bucket_(bucket), log_(std::move(log)), stop_(std::move(stop)) {}

    // record: of log's.
    Result<Done> rebuild(const Record& record);
    Result<Done> write(CheckpointOutput& output, const Record& record);

    const Pulled& pulled() const { return pulled_; }
    // Whose doing the fault was that write() returned: this machine's, or else the bucket's.
    bool is_fault_of_out() const { return is_fault_of_out_; }

private:
    Result<Done> write_shards(CheckpointOutput& output, const std::vector<CheckpointShard>& shards);
    Result<Done> write_file(CheckpointOutput& output, const Record& record, const std::string& path,
                            const std::string& key);
    Result<Done> of_out(Result<Done> written) {
        is_fault_of_out_ = !written;
        return written;
    }

    const Options& options_;
    Bucket& bucket_;
    RunLog log_;
    const std::stop_token stop_;
    std::optional<CheckpointManifest> manifest_;
    std::optional<ArrayTable> table_;
    Bytes words_;
    Pulled pulled_;
    bool is_fault_of_out_ = false;
};

Result<Done> Pull::rebuild(const Record& record) {
    Progress progress(fmt::format("fetching version {}", record.version), 0);
    CountedBucket counted(bucket_, progress);
    auto manifest = fetch_manifest(counted, record);
    if (!manifest) return manifest.error();
    manifest_ = std::move(*manifest);
    Result<ArrayTable> table = table_of_version(counted, log_, record, manifest_, stop_);
    if (!table) return table.error();
    table_ = std::move(*table);
    words_.resize(table_->layout().size_bytes());
    Replica replica(*table_, words_);
    return load_version(counted, options_.place.run, log_.history, replica, record.version, stop_);
}

Result<Done> Pull::write(CheckpointOutput& output, const Record& record) {
    if (!manifest_) {
        const PlainForm form = plain_form(*table_, kPlainShardBytes);
        const Result<Done> written = write_shards(output, form.shards);
        if (!written || form.index.empty()) return written;
        pulled_.files += 1;
        return of_out(output.write_file(kPlainIndex, bytes_of(form.index)));
    }
    for (const auto& [path, key] : manifest_->files) {
        const Result<Done> written = write_file(output, record, path, key);
        if (!written) return written;
    }
    return write_shards(output, manifest_->shards);
}

Result<Done> Pull::write_shards(CheckpointOutput& output,
                                const std::vector<CheckpointShard>& shards) {
    Progress progress("writing OUT", table_->word_bytes());
    for (const CheckpointShard& shard : shards) {
        const Result<Done> written =
            of_out(output.write_shard(shard, *table_, words_, piece_done(progress, stop_)));
        if (!written) return written;
        pulled_.files += 1;
        pulled_.bytes += shard.parsed.file_bytes;
    }
    return Done{};
}

Result<Done> Pull::write_file(CheckpointOutput& output, const Record& record,
                              const std::string& path, const std::string& key) {
    if (stop_.stop_requested()) return Error{Fault::transport, "stopped"};
    const auto object = std::find_if(record.objects.begin(), record.objects.end(),
                                     [&](const ObjectRef& other) { return other.key == key; });
    if (object == record.objects.end())
        return Error{Fault::corrupt, fmt::format("the record of version {} does not name {} ({})",
                                                 record.version, key, path)};
    if (object->size_bytes > kMaxOtherFileBytes)
        return Error{Fault::corrupt, fmt::format("{} ({}) is above 4 GiB", key, path)};
    const Result<Bytes> bytes = fetch_object(bucket_, record.run, *object);
    if (!bytes) return bytes.error();
    pulled_.files += 1;
    pulled_.bytes += bytes->size();
    return of_out(output.write_file(path, *bytes));
}

void tell(const Options& options, const Record& record, const Pulled& pulled, double seconds) {
    if (options.is_json) {
        print_line(json_line({{"ok", true},
                              {"version", record.version},
                              {"files", static_cast<std::int64_t>(pulled.files)},
                              {"bytes", static_cast<std::int64_t>(pulled.bytes)},
                              {"digest", record.digest.hex()},
                              {"seconds", seconds}}));
        return;
    }
    print_line(fmt::format(
        "{}: version {} of run {} | {} in {} files | {:.1f} s | digest {} proven", options.out,
        record.version, record.run, human_bytes(static_cast<double>(pulled.bytes)), pulled.files,
        seconds, record.digest.hex()));
}

// An object of a version that the log has is not late: it was removed.
int fail_to_fetch(const Error& error, const Options& options) {
    if (error.fault != Fault::missing) return fail(error, options.is_json);
    return fail("missing: " + error.detail +
                    "; `dws gc` removed it or it is lost: `dws verify` names the versions that "
                    "are whole, pull one of those",
                options.is_json);
}

int run(const Options& options, std::stop_token stop) {
    const Stopwatch watch;
    const std::unique_ptr<Bucket> bucket =
        open_bucket(options.place.bucket, {}, {}, stop, BucketAccess::read);
    Result<RunLog> log = read_run_log(*bucket, options.place.run, stop, trust_of(options.place));
    if (!log) return fail(log.error(), options.is_json);
    if (log->position.next_sequence == 0)
        return fail(fmt::format("run {} has no log in {}; check --bucket and --run",
                                options.place.run, options.place.bucket),
                    options.is_json);
    const Record* found = log->find(options.version);
    if (found == nullptr)
        return fail(fmt::format("run {} has no version {}, its newest is {}; `dws log` lists them",
                                options.place.run, options.version, log->position.version),
                    options.is_json);
    const Record record = *found;
    // First: what cannot be written need not be fetched.
    Result<CheckpointOutput> output =
        CheckpointOutput::begin(options.out, CheckpointOutput::Form::folder);
    if (!output) return fail_locally("OUT", output.error(), options.is_json);
    Pull pull(options, *bucket, std::move(*log), stop);
    const Result<Done> rebuilt = pull.rebuild(record);
    if (!rebuilt) return fail_to_fetch(rebuilt.error(), options);
    const Result<Done> written = pull.write(*output, record);
    if (!written && pull.is_fault_of_out())
        return fail_locally("OUT", written.error(), options.is_json);
    if (!written) return fail_to_fetch(written.error(), options);
    const Result<Done> finished = output->finish();
    if (!finished) return fail_locally("OUT", finished.error(), options.is_json);
    tell(options, record, pull.pulled(), watch.seconds());
    return kExitOk;
}

}  // namespace

Verb add_pull(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb =
        app.add_subcommand("pull", "Rebuild a version of a run as a checkpoint's folder");
    verb->footer(
        "What `dws push` stored comes back byte for byte: weights, headers, sharding, all other\n"
        "files. A trainer's run has no files: it becomes model.safetensors, or several with an\n"
        "index above 5 GB. Words are proven by the digest in the log, files by their SHA-256.\n"
        "OUT appears under its name only when it is complete; a killed process leaves\n"
        "OUT.partial-*. Memory: the weights, twice while an anchor is read, a few files, and ten\n"
        "bytes for each word that a delta on the road changes. Example:\n"
        "  dws pull --bucket /mnt/models --run qwen3 --version 3 checkpoint-500");
    const std::vector<Configurable> place = add_run_place(*verb, options->place);
    verb->add_option("--version", options->version, "Which version; without it the newest")
        ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()));
    verb->add_option("OUT", options->out, "The folder to write; it must not exist, or be empty")
        ->required();
    verb->add_flag("--json", options->is_json, "The result as one JSON object");
    return {verb, place, [options](std::stop_token stop) { return run(*options, stop); }};
}

}  // namespace dws
