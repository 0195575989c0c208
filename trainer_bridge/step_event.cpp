#include "trainer_bridge/step_event.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>

namespace dws {
namespace {

double mean(std::span<const std::int64_t> values) {
    if (values.empty()) return 0;
    const auto sum = std::accumulate(values.begin(), values.end(), std::int64_t{0});
    return static_cast<double>(sum) / static_cast<double>(values.size());
}

std::int64_t largest(std::span<const std::int64_t> values) {
    return values.empty() ? 0 : *std::ranges::max_element(values);
}

double number(const Facts& facts, const std::string& name) {
    for (const auto& [fact, value] : facts) {
        if (fact != name) continue;
        if (const double* real = std::get_if<double>(&value)) return *real;
    }
    return std::nan("");
}

// proc(5), statm: total and resident size in pages.
double resident_mib() {
    double total_pages = 0, resident_pages = 0;
    std::ifstream("/proc/self/statm") >> total_pages >> resident_pages;
    return resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

double changed_fraction(const StepSummary& summary) {
    return static_cast<double>(summary.changed_words) / static_cast<double>(summary.total_words);
}

std::string line(const StepSummary& summary) {
    return fmt::format(
        "step {} | {} | changed {:.1f} % | ratio {:.3f} kl {:.4f} | lag {:.1f} | step {:.2f} s, "
        "waited {:.2f} s, stalled {:.2f} ms",
        summary.step, summary.rewards.line(), 100 * changed_fraction(summary),
        number(summary.metrics, "ratio"), number(summary.metrics, "kl"), mean(summary.staleness),
        summary.step_s, summary.waited_s, summary.stall_ms);
}

}  // namespace

void write_step(EventLog& log, const StepSummary& summary) {
    const GamesLedger& ledger = summary.ledger;
    Facts facts = {{"step", summary.step}};
    std::ranges::copy(summary.rewards.facts(), std::back_inserter(facts));
    std::ranges::copy(summary.metrics, std::back_inserter(facts));
    std::ranges::copy(
        Facts{{"sample/staleness_mean", mean(summary.staleness)},
              {"sample/staleness_max", largest(summary.staleness)},
              {"sample/dropped_stale_total", ledger.total(Verdict::stale)},
              {"sample/skipped_total", ledger.total(Verdict::skipped)},
              {"sample/refused_total", ledger.total(Verdict::refused)},
              {"sample/rollout_queue_size", static_cast<std::int64_t>(summary.queued_groups)},
              {"batch/groups_per_step", static_cast<std::int64_t>(summary.staleness.size())},
              {"perf/step_s", summary.step_s},
              {"perf/rollout_wait_s", summary.waited_s},
              {"perf/checkpoint_s", summary.checkpoint_s},
              {"trainer_stall_ms", summary.stall_ms},
              {"changed_words", static_cast<std::int64_t>(summary.changed_words)},
              {"changed_fraction", changed_fraction(summary)},
              {"pending_words", static_cast<std::int64_t>(summary.pending_words)},
              {"rss_mib", resident_mib()}},
        std::back_inserter(facts));
    log.write("step", line(summary), facts);
}

}  // namespace dws
