#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "sync/bucket/bucket.h"
#include "sync/fetch.h"
#include "sync/tool/output.h"
#include "sync/tool/progress.h"
#include "sync/tool/verbs.h"
#include "sync/upkeep/anchor_proof.h"
#include "sync/upkeep/retention.h"

namespace dws {
namespace {

struct Options {
    RunPlace place;
    double keep_hours = 24;
    bool is_dry = false;        // say what would go
    bool is_unchecked = false;  // trust the anchors that stay without reading them
    bool is_json = false;
};

std::int64_t as_fact(std::uint64_t count) { return static_cast<std::int64_t>(count); }

// Objects before records: what is named later is then younger than the plan.
Result<RunContents> read_contents(Bucket& bucket, const std::string& run, const Trust& trust,
                                  std::stop_token stop) {
    RunContents contents;
    for (const auto& [folder, keys] :
         {std::pair{"objects", &contents.objects}, std::pair{"games", &contents.games},
          std::pair{"receipts", &contents.receipts}}) {
        Result<std::set<std::string>> listed = list_keys(bucket, run, folder);
        if (!listed) return listed.error();
        *keys = std::move(*listed);
    }
    Result<std::vector<FoundJump>> jumps = read_jumps(
        bucket, run, [](const JumpEnds&) { return true; }, stop);
    if (!jumps) return jumps.error();
    contents.jumps = std::move(*jumps);
    Result<std::vector<LoggedRecord>> records = read_records(bucket, run, stop, trust);
    if (!records) return records.error();
    // Followers pass over a stranger's anchor, so nothing may be removed for its sake.
    refuse_strangers(contents.jumps, jump_signers(trust, *records));
    contents.records = std::move(*records);
    return contents;
}

// One object in memory at a time.
Result<Done> check_needed(Bucket& bucket, const std::string& run, const RetentionPlan& plan,
                          std::stop_token stop) {
    std::uint64_t all_bytes = 0;
    for (const KeptAnchor& anchor : plan.needed) all_bytes += total_bytes(anchor.objects);
    Progress progress("reading the anchors that stay", all_bytes);
    const ObjectSource source = [&](const ObjectRef& object) -> Result<Bytes> {
        if (stop.stop_requested()) return Error{Fault::transport, "stopped"};
        progress.add(object.size_bytes);
        return fetch_object(bucket, run, object);
    };
    for (const KeptAnchor& anchor : plan.needed) {
        const Result<Done> proven = prove_anchor(anchor.objects, anchor.digest, source);
        if (proven) continue;
        return Error{proven.error().fault,
                     fmt::format("version {}: {}", anchor.version, proven.error().detail)};
    }
    return Done{};
}

std::string bytes_text(std::uint64_t bytes) {
    return bytes == 0 ? "size not known" : fmt::format("{} bytes", bytes);
}

void tell_removal(const Removal& removal, const Options& options) {
    print_line(options.is_json
                   ? json_line({{"remove", removal.key},
                                {"reason", removal.reason},
                                {"size_bytes", as_fact(removal.size_bytes)},
                                {"is_dry_run", options.is_dry}})
                   : fmt::format("{} {} | {} | {}", options.is_dry ? "would remove" : "removed",
                                 removal.key, removal.reason, bytes_text(removal.size_bytes)));
}

void tell_kept(const Kept& kept, bool is_json) {
    print_line(is_json ? json_line({{"keep_objects", as_fact(kept.objects)},
                                    {"reason", kept.reason},
                                    {"size_bytes", as_fact(kept.size_bytes)}})
                       : fmt::format("kept {} objects | {} | {}", kept.objects, kept.reason,
                                     bytes_text(kept.size_bytes)));
}

int tell_end(const RetentionPlan& plan, std::size_t removed, std::uint64_t removed_bytes,
             const std::string& problem, const Options& options) {
    const Facts facts = {{"ok", problem.empty()},
                         {"is_dry_run", options.is_dry},
                         {"oldest_anchor", plan.oldest_anchor},
                         {"why", plan.why},
                         {"removed", as_fact(removed)},
                         {"removed_bytes", as_fact(removed_bytes)},
                         {"planned", as_fact(plan.removals.size())},
                         {"problem", problem}};
    const std::string human =
        fmt::format("{}: {} {} of {}, {} bytes and those of unknown size | {}",
                    problem.empty() ? "ok" : problem, options.is_dry ? "would remove" : "removed",
                    removed, plan.removals.size(), removed_bytes, plan.why);
    print_line(options.is_json ? json_line(facts) : human);
    return problem.empty() ? kExitOk : kExitProblem;
}

int carry_out(const Options& options, const RetentionPlan& plan, std::stop_token stop) {
    const std::string& run = options.place.run;
    std::unique_ptr<Bucket> bucket;
    std::string problem;
    if (!options.is_dry && !plan.removals.empty()) {
        bucket = open_bucket(options.place.bucket, {}, {}, stop);
        const Result<Done> checked =
            options.is_unchecked ? Done{} : check_needed(*bucket, run, plan, stop);
        if (!checked) problem = "an anchor that is to stay: " + final_line(checked.error());
    }
    std::size_t removed = 0;
    std::uint64_t removed_bytes = 0;
    for (const Removal& removal : plan.removals) {
        if (!problem.empty()) break;
        if (stop.stop_requested()) {
            problem = "stopped";
            break;
        }
        const Result<Done> done = options.is_dry ? Done{} : bucket->remove(run + "/" + removal.key);
        if (!done) {
            problem = final_line(done.error());
            break;
        }
        tell_removal(removal, options);
        removed += 1;
        removed_bytes += removal.size_bytes;
    }
    for (const Kept& kept : plan.kept) tell_kept(kept, options.is_json);
    return tell_end(plan, removed, removed_bytes, problem, options);
}

int run(const Options& options, std::stop_token stop) {
    // A folder that is not there is not made.
    const std::unique_ptr<Bucket> bucket =
        open_bucket(options.place.bucket, {}, {}, stop, BucketAccess::read);
    const Result<RunContents> contents =
        read_contents(*bucket, options.place.run, trust_of(options.place), stop);
    if (!contents) return fail(contents.error(), options.is_json);
    if (contents->records.empty())
        return fail(fmt::format("run {} has no log in {}; check --bucket and --run",
                                options.place.run, options.place.bucket),
                    options.is_json);
    return carry_out(options, plan_retention(*contents, wall_s(), options.keep_hours), stop);
}

}  // namespace

Verb add_gc(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand(
        "gc",
        "Remove what nobody needs: before the older of the newest two anchors, and older than "
        "--keep-hours. The log stays. Stopped at any point, the run is sound");
    const std::vector<Configurable> place = add_run_place(*verb, options->place);
    verb->add_option("--keep-hours", options->keep_hours,
                     "Keep what is younger, by the time in its record")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    verb->add_flag("--dry-run", options->is_dry, "Only say what would go, and why");
    verb->add_flag("--unchecked", options->is_unchecked,
                   "Do not read the anchors that stay before the first removal");
    verb->add_flag("--json", options->is_json, "One JSON object per line; the last is the sum");
    return {verb, place, [options](std::stop_token stop) { return run(*options, stop); }};
}

}  // namespace dws
