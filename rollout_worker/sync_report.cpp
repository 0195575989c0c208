#include "rollout_worker/sync_report.h"

#include <fmt/format.h>

#include <algorithm>

namespace dws {
namespace {

constexpr double kSecondsBetweenLines = 1;

std::int64_t whole(std::uint64_t count) { return static_cast<std::int64_t>(count); }

}  // namespace

void SyncReport::committed(const CommitReport& commit, double generation_stall_ms) {
    const std::string human = tell(commit, generation_stall_ms);
    log_.write("commit", human,
               {{"version", commit.version},
                {"trainer_step", commit.trainer_step},
                {"kind", std::string(name_of(commit.kind))},
                {"changed_words", whole(commit.changed_words)},
                {"total_words", whole(total_words_)},
                {"file_bytes", whole(commit.file_bytes)},
                {"notify_ms", commit.notify_ms},
                {"fetch_ms", commit.fetch_ms},
                {"stage_ms", commit.stage_ms},
                {"verify_ms", commit.verify_ms},
                {"wait_ms", commit.wait_ms},
                {"pause_ms", commit.pause_ms},
                {"generation_stall_ms", generation_stall_ms},
                {"sync_ms", commit.sync_ms}});
}

// Empty when people were told less than a second ago.
std::string SyncReport::tell(const CommitReport& commit, double generation_stall_ms) {
    untold_.commits += 1;
    untold_.changed_words += commit.changed_words;
    untold_.file_bytes += commit.file_bytes;
    untold_.stall_max_ms = std::max(untold_.stall_max_ms, generation_stall_ms);
    untold_.sync_max_ms = std::max(untold_.sync_max_ms, commit.sync_ms);
    if (monotonic_s() - told_s_ < kSecondsBetweenLines) return "";

    const double words = static_cast<double>(total_words_) * untold_.commits;
    const double changed = 100 * static_cast<double>(untold_.changed_words) / words;
    const std::string line = fmt::format(
        "version {} | {} {}, {:.1f} KB, {:.1f} % of words each | sync at most {:.0f} ms | stall at "
        "most {:.2f} ms",
        commit.version, untold_.commits,
        untold_.commits == 1 ? std::string(name_of(commit.kind)) : "commits",
        static_cast<double>(untold_.file_bytes) / 1e3 / untold_.commits, changed,
        untold_.sync_max_ms, untold_.stall_max_ms);
    untold_ = {};
    told_s_ = monotonic_s();
    return line;
}

void SyncReport::rescanned(std::int64_t version, std::size_t tiles, const Error* error) {
    digests_checked_ += 1;
    if (error) digests_failed_ += 1;
    const std::string detail = error ? error->detail : "";
    const std::string human =
        error ? fmt::format("version {} | rescan failed: {}", version, detail) : "";
    log_.write("rescan", human,
               {{"version", version},
                {"tiles", whole(tiles)},
                {"failed", error != nullptr},
                {"detail", detail}});
}

void SyncReport::fault(const Error& error, const std::string& next_action) {
    log_.write("fault",
               fmt::format("fault | {}: {} | {}", name_of(error.fault), error.detail, next_action),
               {{"fault", std::string(name_of(error.fault))},
                {"detail", error.detail},
                {"next_action", next_action}});
}

void SyncReport::waiting(const std::string& what) {
    {
        const std::lock_guard lock(mutex_);
        if (!waits_said_.insert(what).second) return;
    }
    log_.write("waiting", "waiting for " + what, {{"what", what}});
}

}  // namespace dws
