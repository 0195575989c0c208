#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <memory>

#include "base/stop_signal.h"
#include "sync/bucket/bucket.h"
#include "sync/chain.h"
#include "sync/tool/output.h"
#include "sync/tool/verbs.h"
#include "sync/upkeep/run_contents.h"

namespace dws {
namespace {

struct Options {
    RunPlace place;
    bool is_json = false;    // one JSON object per line
    bool is_follow = false;  // wait for more records until stopped
    bool is_jumps = false;   // the jumps instead of the records
    std::chrono::milliseconds poll{1000};
};

struct GameCounts {
    std::int64_t trained = 0, skipped = 0, stale = 0, refused = 0;
};

GameCounts count_games(const Record& record) {
    GameCounts counts;
    for (const GamesConsumed& games : record.games) {
        const auto skipped = static_cast<std::int64_t>(games.skipped.size());
        const auto stale = static_cast<std::int64_t>(games.stale.size());
        const auto refused = static_cast<std::int64_t>(games.refused.size());
        counts.skipped += skipped;
        counts.stale += stale;
        counts.refused += refused;
        counts.trained += games.next - games.first - skipped - stale - refused;
    }
    return counts;
}

double percent_of(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : 1e2 * static_cast<double>(part) / static_cast<double>(whole);
}

// previous_step: of the record before.
std::string human_line(const Record& record, std::int64_t previous_step, std::uint64_t file_bytes,
                       const GameCounts& games, const std::string& signer) {
    std::string line =
        fmt::format("{:6} | epoch {} | {:6} | version {:6} | step {:6}", record.sequence,
                    record.epoch, name_of(record.kind), record.version, record.trainer_step);
    if (record.kind == RecordKind::delta) line += fmt::format(" | base {}", record.base_version);
    if (record.is_rollback)
        line += fmt::format(" | ROLLBACK, steps {}..{} are abandoned", record.trainer_step + 1,
                            previous_step);
    if (!record.steps.empty()) line += fmt::format(" | {} steps", record.steps.size());
    if (!record.objects.empty())
        line += fmt::format(" | {} words ({:.2f} %) | {} bytes in {} files", record.changed_words,
                            percent_of(record.changed_words, record.total_words), file_bytes,
                            record.objects.size());
    if (!record.games.empty())
        line += fmt::format(" | games {} trained, {} skipped, {} stale, {} refused", games.trained,
                            games.skipped, games.stale, games.refused);
    line += " | digest " + record.digest.hex();
    if (!signer.empty()) line += " | signed by " + signer;
    return line;
}

std::string machine_line(const Record& record, std::uint64_t file_bytes, const GameCounts& games,
                         const KnownRecord& name, const std::string& signer) {
    return json_line({{"sequence", static_cast<std::int64_t>(record.sequence)},
                      {"epoch", static_cast<std::int64_t>(record.epoch)},
                      {"writer", record.writer},
                      {"kind", std::string(name_of(record.kind))},
                      {"version", record.version},
                      {"base_version", record.base_version},
                      {"changed_words", static_cast<std::int64_t>(record.changed_words)},
                      {"total_words", static_cast<std::int64_t>(record.total_words)},
                      {"files", static_cast<std::int64_t>(record.objects.size())},
                      {"file_bytes", static_cast<std::int64_t>(file_bytes)},
                      {"trainer_step", record.trainer_step},
                      {"steps", static_cast<std::int64_t>(record.steps.size())},
                      {"is_rollback", record.is_rollback},
                      {"groups_trained", games.trained},
                      {"groups_skipped", games.skipped},
                      {"groups_stale", games.stale},
                      {"groups_refused", games.refused},
                      {"digest", record.digest.hex()},
                      {"created_unix_s", record.created_unix_s},
                      {"signer", signer},
                      {"next_key", record.next_key},
                      {"name", name.text()}});
}

void print_jump(const FoundJump& found, bool is_json) {
    const std::string problem = found.error ? found.error->detail : "";
    const Jump jump = found.jump.value_or(Jump{});
    const std::uint64_t file_bytes = total_bytes(jump.objects);
    if (is_json)
        return print_line(json_line({{"base_version", found.ends.base_version},
                                     {"version", found.ends.version},
                                     {"sequence", static_cast<std::int64_t>(jump.sequence)},
                                     {"writer", jump.writer},
                                     {"files", static_cast<std::int64_t>(jump.objects.size())},
                                     {"file_bytes", static_cast<std::int64_t>(file_bytes)},
                                     {"digest", jump.digest.hex()},
                                     {"created_unix_s", jump.created_unix_s},
                                     {"problem", problem}}));
    const std::string road = found.ends.base_version < 0
                                 ? fmt::format("anchor of version {}", found.ends.version)
                                 : fmt::format("fold from version {} to {}",
                                               found.ends.base_version, found.ends.version);
    print_line(found.error ? road + " | " + problem
                           : fmt::format("{} | record {} | {} bytes in {} files | digest {}", road,
                                         jump.sequence, file_bytes, jump.objects.size(),
                                         jump.digest.hex()));
}

int print_jumps(Bucket& bucket, const Options& options, std::stop_token stop) {
    Result<std::vector<FoundJump>> jumps = read_jumps(
        bucket, options.place.run, [](const JumpEnds&) { return true; }, stop);
    if (!jumps) return fail(jumps.error(), options.is_json);
    const Trust trust = trust_of(options.place);
    if (trust.log) {
        const auto log = read_records(bucket, options.place.run, stop, trust);
        if (!log) return fail(log.error(), options.is_json);
        refuse_strangers(*jumps, jump_signers(trust, *log));
    }
    bool has_problem = false;
    for (const FoundJump& found : *jumps) {
        print_jump(found, options.is_json);
        has_problem = has_problem || found.error;
    }
    return has_problem ? kExitProblem : kExitOk;
}

int run(const Options& options, std::stop_token stop) {
    const std::unique_ptr<Bucket> bucket =
        open_bucket(options.place.bucket, {}, {}, stop, BucketAccess::read);
    if (options.is_jumps) return print_jumps(*bucket, options, stop);
    ChainReader reader(*bucket, options.place.run, trust_of(options.place));
    while (!stop.stop_requested()) {
        const std::int64_t previous_step = reader.position().trainer_step;
        const Result<Record> record = reader.next(stop);
        if (record) {
            std::uint64_t file_bytes = 0;
            for (const ObjectRef& object : record->objects) file_bytes += object.size_bytes;
            const GameCounts games = count_games(*record);
            const KnownRecord name{record->sequence, reader.position().last_sha256};
            const std::string& signer = reader.last_signer();
            print_line(options.is_json
                           ? machine_line(*record, file_bytes, games, name, signer)
                           : human_line(*record, previous_step, file_bytes, games, signer));
            continue;
        }
        const Error& error = record.error();
        const bool is_end = error.fault == Fault::missing;
        const bool is_passing = is_end || error.fault == Fault::transport;
        if (!options.is_follow || !is_passing) {
            if (!is_end) return fail(error, options.is_json);
            if (reader.position().next_sequence > 0) return kExitOk;
            return fail(fmt::format("run {} has no log in {}; check --bucket and --run",
                                    options.place.run, options.place.bucket),
                        options.is_json);
        }
        if (!is_end) print_error(final_line(error));
        sleep_or_stop(std::chrono::duration<double>(options.poll).count(), stop);
    }
    return kExitOk;
}

}  // namespace

Verb add_log(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand("log", "Print the records of a run, one per line");
    const std::vector<Configurable> place = add_run_place(*verb, options->place);
    verb->add_flag("--json", options->is_json, "One JSON object per line");
    verb->add_flag("--follow", options->is_follow, "Wait for more records until stopped");
    verb->add_flag("--jumps", options->is_jumps, "What compactors offer, instead of the records");
    return {verb, place, [options](std::stop_token stop) { return run(*options, stop); }};
}

}  // namespace dws
