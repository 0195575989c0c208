#include "experiments/qwen3_sync/run_story.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "experiments/launcher/event_tail.h"

namespace dws {
namespace {

double number(const nlohmann::json& event, const char* key) {
    const auto found = event.find(key);
    return found != event.end() && found->is_number() ? found->get<double>() : 0.0;
}

std::int64_t whole(const nlohmann::json& event, const char* key) {
    return static_cast<std::int64_t>(number(event, key));
}

// From the publisher. commit_ms is part of what the follower sees as notification.
void see_published(const nlohmann::json& event, SyncTimes& sync) {
    sync.trainer_step = whole(event, "trainer_step");
    sync.steps = whole(event, "steps");
    sync.changed_words = number(event, "changed_words");
    sync.file_bytes = number(event, "file_bytes");
    sync.encode_ms += number(event, "encode_ms");
    sync.upload_ms = number(event, "upload_ms");
    if (sync.started_unix_s == 0)
        sync.started_unix_s = number(event, "time_unix_s") - number(event, "total_ms") / 1e3;
}

void see_committed(const nlohmann::json& event, SyncTimes& sync) {
    sync.committed_unix_s = number(event, "time_unix_s");
    sync.notify_ms = number(event, "notify_ms");
    sync.download_ms = number(event, "fetch_ms");
    sync.verify_ms = number(event, "verify_ms");
    sync.decode_ms = number(event, "stage_ms") - sync.verify_ms;
    sync.wait_ms = number(event, "wait_ms");
    sync.pause_ms = number(event, "pause_ms");
}

StepFacts step_facts(const nlohmann::json& event) {
    return {.step = whole(event, "step"),
            .reward = number(event, "reward"),
            .trained_groups = number(event, "batch/groups_per_step"),
            .trained_tokens = number(event, "batch/trained_tokens_per_step"),
            .forwarded_tokens = number(event, "batch/forwarded_tokens_per_step"),
            .step_s = number(event, "perf/step_s")};
}

}  // namespace

RunStory::RunStory(const std::filesystem::path& events) {
    EventTail(events).poll([this](const std::string&, const nlohmann::json& event) { see(event); });
    std::ranges::sort(tokens_, {}, &TokenCount::time_unix_s);
}

void RunStory::see(const nlohmann::json& event) {
    const std::string kind = event.value("event", "");
    if (kind == "version") {
        see_published(event, syncs_[whole(event, "version")]);
    } else if (kind == "encoded") {
        SyncTimes& sync = syncs_[whole(event, "version")];
        sync.encode_ms += number(event, "encode_ms");
        sync.started_unix_s = number(event, "started_unix_s");
    } else if (kind == "commit") {
        see_committed(event, syncs_[whole(event, "version")]);
    } else if (kind == "rescan") {
        digests_checked_ += 1;
        if (event.value("failed", false)) digests_failed_ += 1;
    } else if (kind == "step") {
        steps_.push_back(step_facts(event));
        skipped_groups_ = number(event, "sample/skipped_total");
    } else if (kind == "tokens") {
        tokens_.push_back({number(event, "time_unix_s"), number(event, "generated_tokens")});
    } else if (kind == "stretch") {
        stretches_.push_back({.is_busy = event.value("is_busy", false),
                              .from_unix_s = number(event, "from_unix_s"),
                              .to_unix_s = number(event, "to_unix_s")});
    }
}

std::vector<SyncTimes> RunStory::syncs() const {
    std::vector<SyncTimes> found;
    for (auto [version, sync] : syncs_) {
        if (version <= 0 || sync.committed_unix_s == 0 || sync.started_unix_s == 0) continue;
        if (sync.changed_words == 0) continue;  // says only which games were passed over
        sync.version = version;
        sync.total_ms = 1e3 * (sync.committed_unix_s - sync.started_unix_s);
        found.push_back(sync);
    }
    return found;
}

double RunStory::trained_groups() const {
    double groups = 0;
    for (const StepFacts& step : steps_) groups += step.trained_groups;
    return groups;
}

double RunStory::zero_variance_share() const {
    const double seen = skipped_groups_ + trained_groups();
    return seen > 0 ? skipped_groups_ / seen : 1;
}

double RunStory::tokens_per_s(bool is_busy) const {
    double tokens = 0, seconds = 0;
    for (const Stretch& stretch : stretches_) {
        if (stretch.is_busy != is_busy) continue;
        tokens += tokens_at(stretch.to_unix_s) - tokens_at(stretch.from_unix_s);
        seconds += stretch.to_unix_s - stretch.from_unix_s;
    }
    return seconds > 0 ? tokens / seconds : 0;
}

// Between two counts, a second apart, sampling went on evenly.
double RunStory::tokens_at(double time_unix_s) const {
    const auto after = std::ranges::lower_bound(tokens_, time_unix_s, {}, &TokenCount::time_unix_s);
    if (after == tokens_.begin()) return tokens_.empty() ? 0 : tokens_.front().tokens;
    if (after == tokens_.end()) return tokens_.back().tokens;
    const TokenCount& before = *(after - 1);
    const double share =
        (time_unix_s - before.time_unix_s) / (after->time_unix_s - before.time_unix_s);
    return before.tokens + share * (after->tokens - before.tokens);
}

}  // namespace dws
