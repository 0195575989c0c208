#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "sync/bucket/bucket.h"
#include "sync/chain.h"
#include "sync/tool/checkpoint_words.h"
#include "sync/tool/output.h"
#include "sync/tool/progress.h"
#include "sync/tool/run_check.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

struct Options {
    RunPlace place;
    std::size_t threads = 1;
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

// Who signed what, as the records say it; proven where a key is pinned.
class Signers {
public:
    void add(std::uint64_t sequence, const std::string& key_id) {
        if (reigns_.empty() || reigns_.back().key_id != key_id)
            reigns_.push_back({key_id, sequence, sequence});
        reigns_.back().last = sequence;
    }
    // Empty: nobody signed anything.
    std::string text() const {
        std::string line;
        bool has_signature = false;
        for (const auto& [key_id, first, last] : reigns_) {
            has_signature = has_signature || !key_id.empty();
            line += fmt::format("{}records {} to {} {}", line.empty() ? "" : ", ", first, last,
                                key_id.empty() ? "not signed" : "signed by " + key_id);
        }
        return has_signature ? line : "";
    }

private:
    struct Reign {
        std::string key_id;  // empty: not signed
        std::uint64_t first;
        std::uint64_t last;
    };
    std::vector<Reign> reigns_;
};

int tell(const RunCheck& check, const Signers& signers, const std::optional<std::string>& problem,
         bool is_json) {
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
                         {"signers", signers.text()},
                         {"problem", problem.value_or("")}};
    if (!is_json && !signers.text().empty()) print_line(signers.text());
    print_line(is_json ? json_line(facts) : problem ? *problem : sound_line(check));
    return problem ? kExitProblem : kExitOk;
}

int run(const Options& options, std::stop_token stop) {
    const std::unique_ptr<Bucket> bucket =
        open_bucket(options.place.bucket, {}, {}, stop, BucketAccess::read);
    ChainReader reader(*bucket, options.place.run, trust_of(options.place));
    Signers signers;
    RunCheck check(*bucket, options.place.run, options.threads, stop);
    const auto problem_with = [](const Error& error) { return "problem: " + final_line(error); };
    const Result<Done> begun = check.begin();
    if (!begun && !stop.stop_requested())
        return tell(check, signers, problem_with(begun.error()), options.is_json);
    Progress progress("verifying records", 0, Progress::Unit::pieces);
    while (!stop.stop_requested()) {
        const std::uint64_t sequence = reader.position().next_sequence;
        const auto problem_of = [&](const Error& error) {
            return fmt::format("problem at record {}: {}", sequence, final_line(error));
        };
        Result<Record> record = reader.next(stop);
        if (stop.stop_requested()) break;
        if (!record && record.error().fault != Fault::missing)
            return tell(check, signers, problem_of(record.error()), options.is_json);
        if (!record && sequence == 0)
            return tell(check, signers,
                        fmt::format("run {} has no log in {}; check --bucket and --run",
                                    options.place.run, options.place.bucket),
                        options.is_json);
        if (!record) {
            const Result<Done> ended = check.end(reader.jump_signers());
            return tell(check, signers,
                        ended ? std::nullopt : std::optional(problem_with(ended.error())),
                        options.is_json);
        }
        signers.add(sequence, reader.last_signer());
        const Result<Done> checked =
            check.accept({std::move(*record), reader.position().last_sha256});
        if (!checked && stop.stop_requested()) break;
        if (!checked) return tell(check, signers, problem_of(checked.error()), options.is_json);
        progress.add(1);
    }
    return tell(check, signers, "stopped before the end of the log", options.is_json);
}

}  // namespace

Verb add_verify(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand(
        "verify",
        "Rebuild every version of a run from its objects, check all of it, and every jump. What "
        "gc removed is named and passed over");
    verb->footer(
        "With --trust (or keys.trainer of --config) a record that this key, or one that it handed\n"
        "over to, did not sign is a problem, and so is a jump of anybody who is not listed.");
    const std::vector<Configurable> place = add_run_place(*verb, options->place);
    add_threads(*verb, options->threads);
    verb->add_flag("--json", options->is_json, "The result as one JSON object");
    return {verb, place, [options](std::stop_token stop) { return run(*options, stop); }};
}

}  // namespace dws
