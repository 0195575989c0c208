#include "experiments/qwen3_sync/published_table.h"

#include <fmt/format.h>

#include <functional>
#include <vector>

#include "experiments/qwen3_sync/medians.h"

namespace dws {
namespace {

// Of the published format, of ours, and of whole weights.
const std::vector<std::string> kColumns{"raw", "ours", "dense"};

std::string megabytes(double bytes) {
    return bytes >= 1e8 ? fmt::format("{:.0f} MB", bytes / 1e6)
                        : fmt::format("{:.3g} MB", bytes / 1e6);
}

std::string duration(double ms) {
    return ms >= 1e3 ? fmt::format("{:.2f} s", ms / 1e3) : fmt::format("{:.3g} ms", ms);
}

std::string row(const std::string& label, const std::string& published,
                const std::vector<std::string>& cells) {
    std::string text = "| " + label + " | " + published + " |";
    for (const std::string& cell : cells) text += " " + cell + " |";
    return text + "\n";
}

using Cell = std::function<std::string(const RunStory&)>;

std::string replay_row(const ExperimentRuns& runs, const std::string& label,
                       const std::string& published, const std::string& link, const Cell& cell) {
    std::vector<std::string> cells;
    bool has_any = false;
    for (const std::string& column : kColumns) {
        const auto found = runs.replays.find(link + "-" + column);
        const bool is_there = found != runs.replays.end() && !found->second.syncs().empty();
        cells.push_back(is_there ? cell(found->second) : "-");
        has_any = has_any || is_there;
    }
    return has_any ? row(label, published, cells) : "";
}

std::string total(const RunStory& story) { return duration(medians_of(story.syncs()).total_ms); }
std::string pause(const RunStory& story) { return duration(medians_of(story.syncs()).pause_ms); }
std::string generation(const RunStory& story) {
    const double outside = story.tokens_per_s(false);
    if (outside == 0) return "-";
    return fmt::format("{:.1f} of {:.1f} ({:+.1f} %)", story.tokens_per_s(true), outside,
                       100 * (story.tokens_per_s(true) / outside - 1));
}

// While a trainer trains on the same cores; as shipped.
std::string trained_rows(const TrainingRun& run, bool is_first) {
    const SizeMedians sizes = medians_of(run.sizes);
    const SyncTimes times = medians_of(run.story.syncs());
    const std::string of_rate = " (lr " + run.learning_rate + ")";
    std::string text = row("changed weights" + of_rate, is_first ? "about 1 %" : "",
                           {"", fmt::format("{:.2f} %", 100 * sizes.changed_fraction), ""}) +
                       row("payload of a step" + of_rate, is_first ? "20-35 MB of 1.2 GB" : "",
                           {megabytes(sizes.bytes_raw), megabytes(times.file_bytes),
                            megabytes(sizes.bytes_dense)}) +
                       row("bytes per changed weight" + of_rate, "",
                           {fmt::format("{:.2f}", sizes.raw_bytes_per_change),
                            fmt::format("{:.2f}", times.file_bytes / times.changed_words), ""});
    return text +
           row("sync while the trainer trains" + of_rate, "", {"", duration(times.total_ms), ""}) +
           row("of it inference pauses" + of_rate, "", {"", duration(times.pause_ms), ""});
}

}  // namespace

std::string published_table(const ExperimentRuns& runs) {
    std::string text =
        runs.model + ", " + runs.machine + ", " + runs.date + ", commit " + runs.commit + "\n\n";
    text += "| | published | published format here | ours here | whole weights here |\n";
    text += "|---|---|---|---|---|\n";
    for (const TrainingRun& run : runs.trained)
        text += trained_rows(run, &run == &runs.trained.front());
    text += replay_row(runs, "sync, one machine", "9.4 s", "loopback", total);
    text += replay_row(runs, "of it inference pauses", "1.1 s", "loopback", pause);
    text += replay_row(runs, "tokens/s, a version every few seconds, of those without", "", "paced",
                       generation);
    text += replay_row(runs, "tokens/s, versions without a break", "", "loopback", generation);
    text += replay_row(runs, "sync, 1 Gbit/s and 50 ms", "", "1000mbit", total);
    text += replay_row(runs, "of it inference pauses", "", "1000mbit", pause);
    text += replay_row(runs, "sync, 100 Mbit/s and 50 ms", "", "100mbit", total);
    text += replay_row(runs, "of it inference pauses", "", "100mbit", pause);
    return text;
}

}  // namespace dws
