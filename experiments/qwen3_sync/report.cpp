#include "experiments/qwen3_sync/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "experiments/launcher/story.h"
#include "experiments/qwen3_sync/medians.h"
#include "experiments/qwen3_sync/published_table.h"

namespace dws {
namespace {

using Json = nlohmann::ordered_json;

void write_text(const std::filesystem::path& file, const std::string& text) {
    std::ofstream out(file);
    out << text;
    out.flush();
    if (!out) throw std::runtime_error(file.string() + ": cannot be written");
}

Json phases_json(const SyncTimes& sync) {
    Json phases;
    for (const SyncPhase& phase : kSyncPhases) {
        phases[std::string(phase.name) + "_ms"] = sync.*phase.ms;
    }
    phases["total_ms"] = sync.total_ms;
    return phases;
}

double generation_ratio(const RunStory& story) {
    const double outside = story.tokens_per_s(false);
    return outside > 0 ? story.tokens_per_s(true) / outside : 0;
}

Json replay_json(const RunStory& story) {
    const std::vector<SyncTimes> syncs = story.syncs();
    const SyncTimes medians = medians_of(syncs);
    return {{"syncs", syncs.size()},
            {"bytes_p50", medians.file_bytes},
            {"phases_ms_p50", phases_json(medians)},
            {"pause_ms_max", longest_pause_ms(syncs)},
            {"generated_tokens_per_s_between_syncs", story.tokens_per_s(false)},
            {"generated_tokens_per_s_in_syncs", story.tokens_per_s(true)},
            {"generation_ratio", generation_ratio(story)},
            {"digests_checked", story.digests_checked()},
            {"digests_failed", story.digests_failed()}};
}

// The step's line of versions' sizes and the way it took. They meet by version.
std::vector<std::pair<VersionSizes, SyncTimes>> rows_of(const TrainingRun& run) {
    std::map<std::int64_t, SyncTimes> times;
    for (const SyncTimes& sync : run.story.syncs()) times[sync.version] = sync;
    std::vector<std::pair<VersionSizes, SyncTimes>> rows;
    for (const VersionSizes& sizes : run.sizes) {
        if (sizes.all_changed() == 0) continue;  // decisions about games alone
        const auto found = times.find(sizes.version);
        rows.emplace_back(sizes, found == times.end() ? SyncTimes{} : found->second);
    }
    return rows;
}

double fraction(std::uint64_t part, std::uint64_t all) {
    return static_cast<double>(part) / static_cast<double>(all);
}

Json row_json(const VersionSizes& sizes, const SyncTimes& times) {
    Json row{{"version", sizes.version},
             {"trainer_step", sizes.trainer_step},
             {"changed_fraction", fraction(sizes.all_changed(), sizes.all_words())}};
    for (const ArrayKind kind : kArrayKinds) {
        row[std::string("changed_fraction_") + name_of(kind)] =
            fraction(at(sizes.changed, kind), at(sizes.words, kind));
    }
    const FormatBytes& bytes = sizes.bytes;
    row["bytes_raw"] = bytes.raw;
    row["bytes_gap_delta"] = bytes.gap_delta;
    row["bytes_f"] = bytes.flat;
    row["bytes_x"] = bytes.classes;
    row["bytes_auto"] = bytes.smallest;
    row["bytes_shipped"] = times.file_bytes;
    row["bytes_per_change"] = fraction(bytes.smallest, sizes.all_changed());
    row.update(phases_json(times));
    return row;
}

double ratio(double part, double of) { return of > 0 ? part / of : 0; }

template <class Field>
double step_median(const RunStory& story, Field StepFacts::*field) {
    std::vector<double> values;
    for (const StepFacts& step : story.steps()) values.push_back(step.*field);
    return quantile(std::move(values), 0.5);
}

// Scalars first: whoever looks for a name by lines finds those of the whole run.
Json trained_json(const TrainingRun& run) {
    const SizeMedians sizes = medians_of(run.sizes);
    const std::vector<SyncTimes> syncs = run.story.syncs();
    const SyncTimes times = medians_of(syncs);
    Json json{{"learning_rate", run.learning_rate},
              {"steps", run.story.steps().size()},
              {"changed_fraction", sizes.changed_fraction}};
    for (const ArrayKind kind : kArrayKinds) {
        json[std::string("changed_fraction_") + name_of(kind)] =
            at(sizes.changed_fraction_of_kind, kind);
    }
    json["bytes_dense"] = sizes.bytes_dense;
    json["bytes_raw_p50"] = sizes.bytes_raw;
    json["bytes_gap_p50"] = sizes.bytes_gap_delta;
    json["bytes_f_p50"] = sizes.bytes_flat;
    json["bytes_x_p50"] = sizes.bytes_classes;
    json["bytes_auto_p50"] = sizes.bytes_smallest;
    json["bytes_ours_p50"] = times.file_bytes;  // as shipped
    json["raw_bytes_per_change"] = sizes.raw_bytes_per_change;
    json["ours_bytes_per_change"] = ratio(times.file_bytes, times.changed_words);
    json["raw_over_ours"] = ratio(sizes.bytes_raw, times.file_bytes);
    json["pause_ms_p50"] = times.pause_ms;
    json["pause_ms_max"] = longest_pause_ms(syncs);
    json["sync_ms_p50"] = times.total_ms;
    json["digests_checked"] = run.story.digests_checked();
    json["digests_failed"] = run.story.digests_failed();
    json["zero_variance_share"] = run.story.zero_variance_share();
    json["step_s_p50"] = step_median(run.story, &StepFacts::step_s);
    json["tokens_per_step_p50"] = step_median(run.story, &StepFacts::forwarded_tokens);
    json["sampled_tokens_per_step_p50"] = step_median(run.story, &StepFacts::trained_tokens);
    json["phases_ms_p50"] = phases_json(times);
    Json rows = Json::array();
    for (const auto& [row, time] : rows_of(run)) rows.push_back(row_json(row, time));
    json["rows"] = std::move(rows);
    return json;
}

const RunStory* replay_of(const ExperimentRuns& runs, const std::string& name) {
    const auto found = runs.replays.find(name);
    return found == runs.replays.end() ? nullptr : &found->second;
}

Json experiment_json(const ExperimentRuns& runs) {
    Json json{{"date", runs.date},
              {"machine", runs.machine},
              {"commit", runs.commit},
              {"model", runs.model}};
    if (const RunStory* ours = replay_of(runs, "loopback-ours")) {
        const SyncTimes idle = medians_of(ours->syncs());
        json["generation_ratio_without_breaks"] = generation_ratio(*ours);
        json["idle_sync_ms_p50"] = idle.total_ms;
        json["idle_pause_ms_p50"] = idle.pause_ms;
    }
    if (const RunStory* paced = replay_of(runs, "paced-ours"))
        json["generation_ratio_ours"] = generation_ratio(*paced);
    json.update(trained_json(runs.trained.front()));
    Json others;
    for (std::size_t index = 1; index < runs.trained.size(); ++index) {
        others[runs.trained[index].learning_rate] = trained_json(runs.trained[index]);
    }
    json["other_learning_rates"] = std::move(others);
    Json replays;
    for (const auto& [name, story] : runs.replays) replays[name] = replay_json(story);
    json["replays"] = std::move(replays);
    return json;
}

std::string steps_table(const TrainingRun& run) {
    std::string text =
        "version\tstep\tchanged_percent\tembedding\tattention\tmlp\tnorm\traw_mb\t"
        "gap_mb\tf_mb\tx_mb\tauto_mb\tdense_mb\ttotal_ms\tpause_ms\n";
    for (const auto& [sizes, times] : rows_of(run)) {
        text += fmt::format("{}\t{}\t{:.5f}", sizes.version, sizes.trainer_step,
                            100 * fraction(sizes.all_changed(), sizes.all_words()));
        for (const ArrayKind kind : kArrayKinds) {
            text += fmt::format("\t{:.5f}",
                                100 * fraction(at(sizes.changed, kind), at(sizes.words, kind)));
        }
        const FormatBytes& bytes = sizes.bytes;
        for (const std::uint64_t each :
             {bytes.raw, bytes.gap_delta, bytes.flat, bytes.classes, bytes.smallest, bytes.dense}) {
            text += fmt::format("\t{:.5f}", static_cast<double>(each) / 1e6);
        }
        text += fmt::format("\t{:.1f}\t{:.2f}\n", times.total_ms, times.pause_ms);
    }
    return text;
}

// The sync whose total is the median: a row per phase, in order.
std::string timeline(const RunStory& story) {
    std::vector<SyncTimes> syncs = story.syncs();
    std::string text = "phase\tfrom_ms\tto_ms\tstops_generation\n";
    if (syncs.empty()) return text;
    std::ranges::sort(syncs, {}, &SyncTimes::total_ms);
    const SyncTimes& sync = syncs[syncs.size() / 2];
    double from_ms = 0;
    for (const SyncPhase& phase : kSyncPhases) {
        const double to_ms = from_ms + sync.*phase.ms;
        text += fmt::format("{}\t{:.3f}\t{:.3f}\t{}\n", phase.name, from_ms, to_ms,
                            phase.stops_generation ? 1 : 0);
        from_ms = to_ms;
    }
    return text;
}

}  // namespace

void write_report(const ExperimentRuns& runs, const std::filesystem::path& json,
                  const std::filesystem::path& folder) {
    for (const TrainingRun& run : runs.trained) {
        if (run.sizes.empty())
            throw std::runtime_error("the run at " + run.learning_rate + " has no version");
        write_text(folder / ("steps-" + run.learning_rate + ".tsv"), steps_table(run));
    }
    for (const auto& [name, story] : runs.replays) {
        if (name.starts_with("loopback-"))
            write_text(folder / ("timeline-" + name.substr(9) + ".tsv"), timeline(story));
    }
    write_text(json, experiment_json(runs).dump(2) + "\n");
    write_text(folder / "table.md", published_table(runs));
}

}  // namespace dws
