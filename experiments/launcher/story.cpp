#include "experiments/launcher/story.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

namespace dws {
namespace {

double number(const nlohmann::json& event, const char* key) {
    const auto found = event.find(key);
    return found != event.end() && found->is_number() ? found->get<double>() : 0.0;
}

std::int64_t integer(const nlohmann::json& event, const char* key, std::int64_t otherwise = 0) {
    const auto found = event.find(key);
    return found != event.end() && found->is_number() ? found->get<std::int64_t>() : otherwise;
}

std::string text(const nlohmann::json& event, const char* key) {
    const auto found = event.find(key);
    return found != event.end() && found->is_string() ? found->get<std::string>() : "";
}

StepRow step_row(const nlohmann::json& event, double time_s) {
    return {.time_s = time_s,
            .step = integer(event, "step"),
            .reward = number(event, "reward"),
            .won = number(event, "rewards/won/mean"),
            .changed_fraction = number(event, "changed_fraction"),
            .staleness = number(event, "sample/staleness_mean"),
            .stall_ms = number(event, "trainer_stall_ms"),
            .step_ms = 1e3 * number(event, "perf/step_s"),
            .rss_mib = number(event, "rss_mib"),
            .pending_words = number(event, "pending_words"),
            .ratio = number(event, "ratio")};
}

VersionRow version_row(const nlohmann::json& event, double time_s) {
    return {.time_s = time_s,
            .version = integer(event, "version"),
            .steps = integer(event, "steps"),
            .changed_fraction = number(event, "changed_fraction"),
            .file_bytes = number(event, "file_bytes"),
            .full_bytes = number(event, "full_bytes"),
            .publish_ms = number(event, "total_ms")};
}

}  // namespace

void Story::see(const std::string& source, const nlohmann::json& event) {
    const std::string kind = text(event, "event");
    const double time_s = number(event, "time_unix_s");
    if (first_time_s == 0) first_time_s = time_s;
    const double since_s = time_s - first_time_s;
    if (kind == "rescan" && event.value("failed", false)) digests_failed += 1;
    // An evaluation follows the chain too, but after the run: it is not one of its replicas.
    if (source.find("evaluation") != std::string::npos && kind != "evaluation") return;
    if (kind != "evaluation") last_time_s = std::max(last_time_s, time_s);

    if (kind == "warm_start") {
        warm_start_step = integer(event, "step");
        warm_start_loss = number(event, "loss");
    } else if (kind == "step") {
        steps.push_back(step_row(event, since_s));
        games += integer(event, "batch/samples_per_step");
    } else if (kind == "version") {
        versions.push_back(version_row(event, since_s));
        final_digest = text(event, "digest");
    } else if (kind == "commit") {
        WorkerRow& worker = workers[source];
        worker.version = integer(event, "version");
        worker.commits += 1;
        pause_ms.push_back(number(event, "pause_ms"));
        sync_ms.push_back(number(event, "sync_ms"));
        generation_stall_ms.push_back(number(event, "generation_stall_ms"));
    } else if (kind == "rescan") {
        digests_checked += 1;
    } else if (kind == "throughput") {
        workers[source].tokens_per_s = number(event, "rollout/generated_tok_s");
    } else if (kind == "evaluation") {
        const std::int64_t version = integer(event, "version", -1);
        evaluations[version] = {version, number(event, "win_rate"), number(event, "reward_mean"),
                                number(event, "games")};
    } else if (kind == "fault") {
        faults += 1;
    } else if (kind == "end" && source.starts_with("rollout_worker")) {
        workers[source].has_ended = true;
        workers[source].digest = text(event, "digest");
    }
    if (kind == "waiting" || kind == "fault") {
        last_line = source + ": " + text(event, kind == "fault" ? "detail" : "what");
    }
}

double quantile(std::vector<double> values, double share) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const auto last = static_cast<double>(values.size() - 1);
    return values[static_cast<std::size_t>(share * last + 0.5)];
}

double mean(const std::vector<double>& values) {
    if (values.empty()) return 0;
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double recent(const Story& story, double StepRow::*field, std::size_t steps) {
    std::vector<double> values;
    const std::size_t first = story.steps.size() > steps ? story.steps.size() - steps : 0;
    for (std::size_t i = first; i < story.steps.size(); ++i) {
        values.push_back(story.steps[i].*field);
    }
    return mean(values);
}

nlohmann::ordered_json summary_of(const Story& story) {
    std::vector<double> stall_ms, step_ms, staleness, changed, delta_bytes, publish_ms;
    for (const StepRow& row : story.steps) {
        stall_ms.push_back(row.stall_ms);
        step_ms.push_back(row.step_ms);
        staleness.push_back(row.staleness);
    }
    double full_bytes = 0;
    std::int64_t steps_per_version_max = 0;
    for (const VersionRow& row : story.versions) {
        full_bytes = std::max(full_bytes, row.full_bytes);
        if (row.version == 0) continue;  // the anchor
        changed.push_back(row.changed_fraction);
        delta_bytes.push_back(row.file_bytes);
        publish_ms.push_back(row.publish_ms);
        steps_per_version_max = std::max(steps_per_version_max, row.steps);
    }
    std::int64_t replicas = 0, replicas_equal = 0;
    for (const auto& [source, worker] : story.workers) {
        replicas += worker.has_ended ? 1 : 0;
        replicas_equal += worker.has_ended && worker.digest == story.final_digest ? 1 : 0;
    }

    nlohmann::ordered_json summary;
    if (!story.evaluations.empty()) {
        const Evaluation& start = story.evaluations.begin()->second;
        const Evaluation& end = story.evaluations.rbegin()->second;
        summary["win_rate_start"] = start.win_rate;
        summary["win_rate_end"] = end.win_rate;
        summary["reward_start"] = start.reward_mean;
        summary["reward_end"] = end.reward_mean;
        summary["evaluation_games"] = end.games;
    }
    summary["games"] = story.games;
    summary["steps"] = story.steps.empty() ? 0 : story.steps.back().step;
    summary["versions"] = story.versions.size();
    summary["steps_per_version_max"] = steps_per_version_max;
    summary["replicas"] = replicas;
    summary["replicas_equal_to_trainer"] = replicas_equal;
    summary["digests_checked"] = story.digests_checked;
    summary["digests_failed"] = story.digests_failed + (replicas - replicas_equal);
    summary["faults"] = story.faults;
    summary["bytes_full"] = static_cast<std::int64_t>(full_bytes);
    summary["bytes_delta"] = static_cast<std::int64_t>(mean(delta_bytes) + 0.5);
    summary["changed_fraction_mean"] = mean(changed);
    summary["pause_ms_p50"] = quantile(story.pause_ms, 0.5);
    summary["pause_ms_p99"] = quantile(story.pause_ms, 0.99);
    summary["sync_ms_p50"] = quantile(story.sync_ms, 0.5);
    summary["sync_ms_p99"] = quantile(story.sync_ms, 0.99);
    summary["publish_ms_p50"] = quantile(publish_ms, 0.5);
    summary["trainer_stall_ms_p50"] = quantile(stall_ms, 0.5);
    summary["trainer_stall_ms_p99"] = quantile(stall_ms, 0.99);
    summary["step_ms_p50"] = quantile(step_ms, 0.5);
    summary["generation_stall_ms_mean"] = mean(story.generation_stall_ms);
    if (!story.steps
             .empty()) {  // the trainer's resident memory, a fifth into the run and at its end
        summary["rss_mib_early"] = story.steps[story.steps.size() / 5].rss_mib;
        summary["rss_mib_end"] = story.steps.back().rss_mib;
    }
    summary["staleness_mean"] = mean(staleness);
    summary["seconds"] = story.seconds();
    return summary;
}

}  // namespace dws
