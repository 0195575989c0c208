#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "sync/bucket/bucket.h"
#include "sync/chain.h"
#include "sync/tool/output.h"
#include "sync/tool/progress.h"
#include "sync/tool/run_check.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

struct Options {
    RunPlace place;
    bool is_json = false;
};

std::string sound_line(const RunCheck& check) {
    std::string line = fmt::format("ok: {} records, {} versions, digest {}", check.records,
                                   check.versions, check.digest());
    if (check.jumps > 0) line += fmt::format(", {} jumps", check.jumps);
    if (check.jumps_not_rebuilt > 0)
        line += fmt::format(", {} jumps not rebuilt", check.jumps_not_rebuilt);
    if (!check.not_rebuilt.empty())
        line +=
            fmt::format(", versions {} to {} not rebuilt: removed before anchor {}",
                        check.not_rebuilt.front(), check.not_rebuilt.back(), check.first_rebuilt);
    return line;
}

int tell(const RunCheck& check, const std::optional<std::string>& problem, bool is_json) {
    const auto as_count = [](std::size_t count) { return static_cast<std::int64_t>(count); };
    const auto end_of = [&](bool is_first) {
        if (check.not_rebuilt.empty()) return std::int64_t{-1};
        return is_first ? check.not_rebuilt.front() : check.not_rebuilt.back();
    };
    const Facts facts = {{"ok", !problem},
                         {"records", as_count(check.records)},
                         {"versions", as_count(check.versions)},
                         {"digest", check.digest()},
                         {"jumps", as_count(check.jumps)},
                         {"jumps_not_rebuilt", as_count(check.jumps_not_rebuilt)},
                         {"versions_not_rebuilt", as_count(check.not_rebuilt.size())},
                         {"first_not_rebuilt", end_of(true)},
                         {"last_not_rebuilt", end_of(false)},
                         {"first_rebuilt", check.first_rebuilt},
                         {"problem", problem.value_or("")}};
    print_line(is_json ? json_line(facts) : problem ? *problem : sound_line(check));
    return problem ? kExitProblem : kExitOk;
}

int run(const Options& options, std::stop_token stop) {
    const std::unique_ptr<Bucket> bucket =
        open_bucket(options.place.bucket, {}, {}, stop, BucketAccess::read);
    ChainReader reader(*bucket, options.place.run);
    RunCheck check(*bucket, options.place.run, stop);
    const auto problem_with = [](const Error& error) { return "problem: " + final_line(error); };
    const Result<Done> begun = check.begin();
    if (!begun && !stop.stop_requested())
        return tell(check, problem_with(begun.error()), options.is_json);
    Progress progress("verifying records", 0, Progress::Unit::pieces);
    while (!stop.stop_requested()) {
        const std::uint64_t sequence = reader.position().next_sequence;
        const auto problem_of = [&](const Error& error) {
            return fmt::format("problem at record {}: {}", sequence, final_line(error));
        };
        Result<Record> record = reader.next();
        if (stop.stop_requested()) break;
        if (!record && record.error().fault != Fault::missing)
            return tell(check, problem_of(record.error()), options.is_json);
        if (!record && sequence == 0)
            return tell(check,
                        fmt::format("run {} has no log in {}; check --bucket and --run",
                                    options.place.run, options.place.bucket),
                        options.is_json);
        if (!record) {
            const Result<Done> ended = check.end();
            return tell(check, ended ? std::nullopt : std::optional(problem_with(ended.error())),
                        options.is_json);
        }
        const Result<Done> checked =
            check.accept({std::move(*record), reader.position().last_sha256});
        if (!checked && stop.stop_requested()) break;
        if (!checked) return tell(check, problem_of(checked.error()), options.is_json);
        progress.add(1);
    }
    return tell(check, "stopped before the end of the log", options.is_json);
}

}  // namespace

Verb add_verify(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand(
        "verify",
        "Rebuild every version of a run from its objects, check all of it, and every jump. What "
        "gc removed is named and passed over");
    const std::vector<Configurable> place = add_run_place(*verb, options->place);
    verb->add_flag("--json", options->is_json, "The result as one JSON object");
    return {verb, place, [options](std::stop_token stop) { return run(*options, stop); }};
}

}  // namespace dws
