#include "experiments/launcher/screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace dws {
namespace {

constexpr double kRedrawS = 0.25;
constexpr double kLineS = 10;
constexpr std::size_t kColumns = 60;

// One bar per column, the mean of the steps it stands for.
std::string sparkline(const Story& story, double StepRow::*field, double top) {
    const char* bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    std::string line;
    const std::size_t rows = story.steps.size();
    const std::size_t columns = std::min(kColumns, rows);
    for (std::size_t column = 0; column < columns; ++column) {
        const std::size_t first = column * rows / columns;
        const std::size_t last = std::max(first + 1, (column + 1) * rows / columns);
        double total = 0;
        for (std::size_t i = first; i < last; ++i) total += story.steps[i].*field;
        const double share = total / static_cast<double>(last - first) / top;
        line += bars[static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * 8 + 0.5)];
    }
    return line;
}

std::string trainer_line(const Story& story) {
    if (story.steps.empty() && story.warm_start_step == 0) return "no step yet";
    if (story.steps.empty()) {
        return fmt::format("warm start: step {}, cross-entropy {:.3f}", story.warm_start_step,
                           story.warm_start_loss);
    }
    const StepRow& row = story.steps.back();
    return fmt::format(
        "step {:>4} | reward {:.2f} | won {:>4.1f} % | lag {:.1f} steps | step {:.0f} ms | "
        "stalled {:.2f} ms",
        row.step, recent(story, &StepRow::reward, 10), 100 * recent(story, &StepRow::won, 10),
        row.staleness, row.step_ms, row.stall_ms);
}

std::string version_line(const Story& story) {
    if (story.versions.empty()) return "no version published yet";
    const VersionRow& row = story.versions.back();
    return fmt::format("version {:>4} | {:.1f} kB of {:.1f} kB | changed {:.2f} %", row.version,
                       row.file_bytes / 1e3, row.full_bytes / 1e3, 100 * row.changed_fraction);
}

}  // namespace

void Screen::show(const Story& story) {
    if (monotonic_s() - drawn_at_s_ < (is_live_ ? kRedrawS : kLineS)) return;
    drawn_at_s_ = monotonic_s();
    is_live_ ? draw(story) : print_line(story);
}

void Screen::finish(const Story& story) { is_live_ ? draw(story) : print_line(story); }

void Screen::print_line(const Story& story) {
    fmt::print("{:>5.0f} s | {} | {}\n", story.seconds(), trainer_line(story), version_line(story));
    std::fflush(stdout);
}

void Screen::draw(const Story& story) {
    std::string text;
    int lines = 0;
    const auto add = [&](const std::string& line) {
        text += "\x1b[2K" + line + "\n";
        lines += 1;
    };
    add(fmt::format("dws: a tiny policy learns Wordle through a bucket   {:>5.0f} s",
                    story.seconds()));
    add("");
    add("  trainer   " + trainer_line(story));
    add("  bucket    " + version_line(story));
    for (const auto& [source, worker] : story.workers) {
        add(fmt::format("  worker    {} | version {:>4} | {:>6.0f} tokens/s{}",
                        source.substr(source.find('-') + 1), worker.version, worker.tokens_per_s,
                        worker.has_ended ? " | done" : ""));
    }
    add(fmt::format("  proof     {} full rescans of live weights, {} failed | pause p50 {:.3f} ms",
                    story.digests_checked, story.digests_failed, quantile(story.pause_ms, 0.5)));
    add("");
    add("  won, 0 to 100 %   |" + sparkline(story, &StepRow::won, 1.0) + "|");
    add("  reward, 0 to 2    |" + sparkline(story, &StepRow::reward, 2.0) + "|");
    add("");
    add("  " + story.last_line.substr(0, 100));
    if (lines_drawn_ > 0) fmt::print("\x1b[{}A", lines_drawn_);
    // A worker that ended or joined changes the number of lines: clear what is below.
    fmt::print("{}\x1b[J", text);
    std::fflush(stdout);
    lines_drawn_ = lines;
}

}  // namespace dws
