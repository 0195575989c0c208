#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <tuple>

#include "base/clock.h"
#include "base/stop_signal.h"
#include "sync/bucket/bucket.h"
#include "sync/tool/output.h"
#include "sync/tool/verbs.h"
#include "sync/upkeep/compactor.h"

namespace dws {
namespace {

constexpr double kLongestWait_s = 30;

struct Options {
    RunPlace place;
    CostModel costs;
    std::string key_file;
    std::size_t file_mib = 64;
    std::size_t threads = 1;
    double poll_ms = 1000;
    bool is_follow = false;
    bool is_json = false;
};

std::int64_t as_fact(std::uint64_t count) { return static_cast<std::int64_t>(count); }

std::string road_text(const Jump& jump) {
    return jump.base_version < 0
               ? fmt::format("anchor of version {}", jump.version)
               : fmt::format("fold from version {} to {}", jump.base_version, jump.version);
}

void tell_start(const Record& anchor, bool is_jump, bool is_json) {
    const char* of = is_jump ? "jumps" : "the log";
    print_line(is_json ? json_line({{"event", std::string("start")},
                                    {"anchor", anchor.version},
                                    {"is_jump", is_jump}})
                       : fmt::format("start | anchor {} of {}", anchor.version, of));
}

void tell_offer(const WrittenJump& written, std::uint64_t road_bytes, bool is_json) {
    const Jump& jump = written.jump;
    print_line(is_json ? json_line({{"event", std::string("offer")},
                                    {"base_version", jump.base_version},
                                    {"version", jump.version},
                                    {"changed_words", as_fact(jump.changed_words)},
                                    {"file_bytes", as_fact(written.bytes)},
                                    {"road_bytes", as_fact(road_bytes)},
                                    {"is_new", written.is_new},
                                    {"total_ms", written.total_ms}})
                       : fmt::format("offer | {} | {} bytes instead of {} | {:.1f} ms{}",
                                     road_text(jump), written.bytes, road_bytes, written.total_ms,
                                     written.is_new ? "" : " | was there already"));
}

void tell_decline(const FoldDecision& fold, bool is_json) {
    print_line(is_json ? json_line({{"event", std::string("decline")},
                                    {"base_version", fold.base_version},
                                    {"version", fold.version},
                                    {"road_bytes", as_fact(fold.road_bytes)},
                                    {"most_bytes", as_fact(fold.most_bytes)}})
                       : fmt::format("decline | fold from version {} to {} | takes over {} bytes, "
                                     "the road is {}",
                                     fold.base_version, fold.version, fold.most_bytes,
                                     fold.road_bytes));
}

// Each fault once, until something was taken in.
class ToldOnce {
public:
    void tell(const Error& error, const std::string& next_action) {
        if (!told_.insert({error.fault, error.detail, next_action}).second) return;
        if (told_.size() > kMost) told_.clear();
        print_error(next_action.empty() ? final_line(error)
                                        : fmt::format("{}: {}; {}", name_of(error.fault),
                                                      error.detail, next_action));
    }
    void forget() { told_.clear(); }

private:
    static constexpr std::size_t kMost = 1000;  // details that differ every time
    std::set<std::tuple<Fault, std::string, std::string>> told_;
};

int tell_end(const Compactor& compactor, const Options& options, double seconds) {
    const std::uint64_t catch_up = compactor.catch_up_bytes();
    const std::uint64_t anchor = compactor.anchor_bytes();
    const double share =
        anchor == 0 ? 0 : static_cast<double>(catch_up) / static_cast<double>(anchor);
    const Facts facts = {{"event", std::string("end")},
                         {"version", compactor.version()},
                         {"versions_applied", as_fact(compactor.versions_applied())},
                         {"catch_up_bytes", as_fact(catch_up)},
                         {"anchor_bytes", as_fact(anchor)},
                         {"digest", compactor.position().digest.hex()},
                         {"total_s", seconds}};
    print_line(options.is_json
                   ? json_line(facts)
                   : fmt::format("end | version {} | {} versions in {:.1f} s | a newcomer reads {} "
                                 "bytes, {:.2f} of an anchor",
                                 compactor.version(), compactor.versions_applied(), seconds,
                                 catch_up, share));
    return kExitOk;
}

// Waits for more until the end of the run. Another process is asked nothing but the bucket.
int run(const Options& options, std::stop_token stop) {
    const std::string& run_name = options.place.run;
    // A folder that is not there is made only by who waits for a run to begin.
    if (!options.is_follow) open_bucket(options.place.bucket, {}, {}, stop, BucketAccess::read);
    const std::unique_ptr<Bucket> bucket = open_bucket(options.place.bucket, {}, {}, stop);
    ToldOnce told;
    Compactor compactor(
        *bucket,
        {.costs = options.costs,
         .writing = {.run = run_name,
                     .file_bytes = options.file_mib << 20,
                     .threads = options.threads,
                     .fault = [](const Error& error) { print_error(final_line(error)); },
                     .signer = signer_in(options.key_file)},
         .trust = trust_of(options.place)},
        {.started = [&](const Record& anchor,
                        bool is_jump) { tell_start(anchor, is_jump, options.is_json); },
         .offered =
             [&](const WrittenJump& written, std::uint64_t road_bytes) {
                 tell_offer(written, road_bytes, options.is_json);
             },
         .declined = [&](const FoldDecision& fold) { tell_decline(fold, options.is_json); },
         .fault = [&](const Error& error,
                      const std::string& next_action) { told.tell(error, next_action); }});
    const Stopwatch total;
    double wait_s = 0;
    while (true) {
        const Result<Done> caught_up = compactor.catch_up(stop);
        if (stop.stop_requested()) break;
        if (caught_up) {
            told.forget();
            if (!options.is_follow || compactor.position().has_ended) break;
        } else {
            const bool has_no_log =
                !compactor.has_log() && caught_up.error().fault == Fault::missing;
            const bool is_final = caught_up.error().fault == Fault::untrusted;
            if (has_no_log && !options.is_follow) {
                return fail(fmt::format("run {} has no log in {}; check --bucket and --run",
                                        run_name, options.place.bucket),
                            options.is_json);
            }
            if (is_final || !options.is_follow) return fail(caught_up.error(), options.is_json);
            if (!has_no_log) told.tell(caught_up.error(), {});
        }
        // What is wrong with the run may be wrong for long, and each try may cost an anchor.
        wait_s = caught_up ? 1e-3 * options.poll_ms
                           : std::max(1e-3 * options.poll_ms, std::min(2 * wait_s, kLongestWait_s));
        sleep_or_stop(wait_s, stop);
    }
    tell_end(compactor, options, total.seconds());
    return stop.stop_requested() && !options.is_follow ? kExitProblem : kExitOk;
}

}  // namespace

Verb add_compact(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand(
        "compact",
        "Follow a run and offer shorter roads: folded deltas and later anchors. Memory: the "
        "weights, and once more per length of fold. Beside a trainer: nice dws compact ...");
    std::vector<Configurable> place = add_run_place(*verb, options->place);
    place.push_back(add_key(*verb, options->key_file));
    verb->add_option("--fold", options->costs.fold_versions,
                     "Versions per fold, each a multiple of the one before")
        ->capture_default_str();
    verb->add_option("--readers", options->costs.expected_readers,
                     "How many readers are expected to walk past a fold")
        ->check(CLI::Range(0.0, 1e9))
        ->capture_default_str();
    verb->add_option(
            "--anchor-share", options->costs.anchor_share,
            "A later anchor once the road from the newest costs more than this share of it")
        ->check(CLI::Range(0.001, 1000.0))
        ->capture_default_str();
    verb->add_option("--step-bytes", options->costs.step_bytes,
                     "What one more version on the road costs a reader besides its bytes")
        ->capture_default_str();
    verb->add_option("--file-mib", options->file_mib, "Files are cut at this size")
        ->check(CLI::Range(1, 4096))
        ->capture_default_str();
    verb->add_option("--threads", options->threads, "Of the encoder")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    verb->add_option("--poll-ms", options->poll_ms, "Between two looks at the log")
        ->check(CLI::Range(1.0, 3'600'000.0))
        ->capture_default_str();
    verb->add_flag("--follow", options->is_follow, "Wait for more versions until the run's end");
    verb->add_flag("--json", options->is_json, "One JSON object per line");
    return {verb, place, [options](std::stop_token stop) { return run(*options, stop); }};
}

}  // namespace dws
