#include "experiments/launcher/picture.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "experiments/launcher/child_process.h"

namespace dws {

void write_tables(const Story& story, const std::filesystem::path& folder) {
    std::ofstream steps(folder / "steps.tsv");
    steps << "# time_s step reward won changed_fraction staleness stall_ms step_ms rss_mib "
             "pending_words ratio\n";
    for (const StepRow& row : story.steps) {
        steps << fmt::format(
            "{:.2f}\t{}\t{:.4f}\t{:.4f}\t{:.6f}\t{:.2f}\t{:.4f}\t{:.1f}\t{:.1f}\t"
            "{:.0f}\t{:.4f}\n",
            row.time_s, row.step, row.reward, row.won, row.changed_fraction, row.staleness,
            row.stall_ms, row.step_ms, row.rss_mib, row.pending_words, row.ratio);
    }
    std::ofstream versions(folder / "versions.tsv");
    versions << "# time_s version steps changed_fraction file_bytes full_bytes\n";
    for (const VersionRow& row : story.versions) {
        versions << fmt::format("{:.2f}\t{}\t{}\t{:.6f}\t{:.0f}\t{:.0f}\n", row.time_s, row.version,
                                row.steps, row.changed_fraction, row.file_bytes, row.full_bytes);
    }
    std::ofstream(folder / "summary.json") << summary_of(story).dump(2) << "\n";
}

void draw_curves(const std::filesystem::path& script, const std::filesystem::path& folder) {
    const std::string define = "folder='" + folder.string() + "'";
    ChildProcess gnuplot({"gnuplot", "-e", define, script.string()},
                         folder / "logs" / "gnuplot.log");
    if (gnuplot.wait_s(60).value_or(1) != 0) {
        throw std::runtime_error("gnuplot failed; see " + (folder / "logs/gnuplot.log").string());
    }
}

}  // namespace dws
