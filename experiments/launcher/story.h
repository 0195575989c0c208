// What happened in a run, gathered from all programs' events: the numbers of summary.json, the
// rows behind the picture, and what the live view shows.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace dws {

struct StepRow {
    double time_s;  // since the story's first event
    std::int64_t step;
    double reward, won;
    double changed_fraction;
    double staleness;
    double stall_ms, step_ms;
    double rss_mib, pending_words;
    double ratio;
};

struct VersionRow {
    double time_s;
    std::int64_t version;
    std::int64_t steps;
    double changed_fraction;
    double file_bytes, full_bytes;
    double publish_ms;  // from the cut to the committed record
};

struct WorkerRow {
    std::int64_t version = -1;
    double tokens_per_s = 0;
    std::int64_t commits = 0;
    std::string digest;  // at its end; empty while it runs
    bool has_ended = false;
};

struct Evaluation {
    std::int64_t version = -1;
    double win_rate = 0, reward_mean = 0, games = 0;
};

struct Story {
    std::vector<StepRow> steps;
    std::vector<VersionRow> versions;
    std::map<std::string, WorkerRow> workers;        // by event file
    std::map<std::int64_t, Evaluation> evaluations;  // by version
    std::vector<double> pause_ms, sync_ms, generation_stall_ms;
    std::int64_t warm_start_step = 0;
    double warm_start_loss = 0;
    std::int64_t digests_checked = 0, digests_failed = 0;
    std::int64_t faults = 0;
    std::int64_t games = 0;    // trained; demonstrations are not among them
    std::string final_digest;  // of the newest version, from the trainer
    std::string last_line;     // the newest waiting or fault, for the live view
    double first_time_s = 0, last_time_s = 0;

    void see(const std::string& source, const nlohmann::json& event);
    double seconds() const { return last_time_s - first_time_s; }
};

// 0 <= share <= 1; 0 when there are no values.
double quantile(std::vector<double> values, double share);
double mean(const std::vector<double>& values);

// Mean reward or win rate of the last `steps` steps.
double recent(const Story& story, double StepRow::*field, std::size_t steps);

nlohmann::ordered_json summary_of(const Story& story);

}  // namespace dws
