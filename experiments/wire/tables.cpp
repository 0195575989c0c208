#include "experiments/wire/tables.h"

namespace dws {

namespace {

// Qwen3-0.6B's words, to which a scenario's bytes are extrapolated.
constexpr double kQwenWords = 596'049'920;

double ratio(double value, double to) { return to > 0 ? value / to : 0; }

std::string times_copy(const Timing& timing, const Timing& copy) {
    return number(ratio(timing.cpu_s, copy.cpu_s));
}

}  // namespace

WireRow& WireRow::operator+=(const WireRow& other) {
    words += other.words;
    changed_words += other.changed_words;
    bytes += other.bytes;
    timings += other.timings;
    return *this;
}

const std::vector<std::string>& wire_columns() {
    static const std::vector<std::string> columns{
        "scenario",        "format",       "changed_percent",  "bytes_per_change",
        "qwen3_0.6b_mb",   "encode_x_1t",  "encode_x_2t",      "encode_2t_over_1t",
        "patch_x_1t",      "patch_x_2t",   "patch_2t_over_1t", "encode_wall_x_2t",
        "patch_wall_x_2t", "encode_ms_1t", "patch_ms_1t",      "memcpy_ms_1t",
        "memcpy_ms_2t",    "bytes"};
    return columns;
}

std::vector<std::string> cells_of(const WireRow& row) {
    const FormatTimings& timings = row.timings;
    const auto words = static_cast<double>(row.words);
    const auto changed = static_cast<double>(row.changed_words);
    const auto bytes = static_cast<double>(row.bytes);
    const auto faster = [](const Timing(&timing)[2]) {
        return number(ratio(timing[0].cpu_s, timing[1].cpu_s));
    };
    const auto wall_x_2t = [&](const Timing(&timing)[2]) {
        return number(ratio(timing[1].wall_s, timings.copy[1].wall_s));
    };
    return {row.scenario,
            row.format,
            number(100 * ratio(changed, words)),
            number(ratio(bytes, changed)),
            number(ratio(bytes, words) * kQwenWords / 1e6),
            times_copy(timings.encode[0], timings.copy[0]),
            times_copy(timings.encode[1], timings.copy[1]),
            faster(timings.encode),
            times_copy(timings.patch[0], timings.copy[0]),
            times_copy(timings.patch[1], timings.copy[1]),
            faster(timings.patch),
            wall_x_2t(timings.encode),
            wall_x_2t(timings.patch),
            number(1e3 * timings.encode[0].wall_s),
            number(1e3 * timings.patch[0].wall_s),
            number(1e3 * timings.copy[0].wall_s),
            number(1e3 * timings.copy[1].wall_s),
            std::to_string(row.bytes)};
}

}  // namespace dws
