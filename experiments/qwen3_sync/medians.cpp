#include "experiments/qwen3_sync/medians.h"

#include <algorithm>

#include "experiments/launcher/story.h"

namespace dws {

namespace {

template <class Row>
std::vector<Row> last_of(const std::vector<Row>& rows) {
    const std::size_t wanted = std::min(kLastVersions, (rows.size() + 1) / 2);
    return {rows.end() - static_cast<std::ptrdiff_t>(wanted), rows.end()};
}

template <class Row, class Value>
double median(const std::vector<Row>& rows, Value value_of) {
    std::vector<double> values;
    for (const Row& row : rows) values.push_back(static_cast<double>(value_of(row)));
    return quantile(std::move(values), 0.5);
}

double share(std::uint64_t part, std::uint64_t all) {
    return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

}  // namespace

SizeMedians medians_of(const std::vector<VersionSizes>& all) {
    const std::vector<VersionSizes> rows = last_of(all);
    const auto middle = [&](auto value_of) { return median(rows, value_of); };
    const auto bytes = [&](std::uint64_t FormatBytes::*format) {
        return middle([&](const VersionSizes& row) { return row.bytes.*format; });
    };
    SizeMedians medians;
    medians.changed_fraction =
        middle([](const VersionSizes& row) { return share(row.all_changed(), row.all_words()); });
    for (const ArrayKind kind : kArrayKinds) {
        at(medians.changed_fraction_of_kind, kind) = middle([&](const VersionSizes& row) {
            return share(at(row.changed, kind), at(row.words, kind));
        });
    }
    medians.bytes_dense = bytes(&FormatBytes::dense);
    medians.bytes_raw = bytes(&FormatBytes::raw);
    medians.bytes_gap_delta = bytes(&FormatBytes::gap_delta);
    medians.bytes_flat = bytes(&FormatBytes::flat);
    medians.bytes_classes = bytes(&FormatBytes::classes);
    medians.bytes_smallest = bytes(&FormatBytes::smallest);
    medians.raw_bytes_per_change =
        middle([](const VersionSizes& row) { return share(row.bytes.raw, row.all_changed()); });
    return medians;
}

SyncTimes medians_of(const std::vector<SyncTimes>& all) {
    const std::vector<SyncTimes> rows = last_of(all);
    SyncTimes medians;
    const auto set = [&](double SyncTimes::*field) {
        medians.*field = median(rows, [&](const SyncTimes& row) { return row.*field; });
    };
    for (const SyncPhase& phase : kSyncPhases) set(phase.ms);
    set(&SyncTimes::total_ms);
    set(&SyncTimes::file_bytes);
    set(&SyncTimes::changed_words);
    return medians;
}

double longest_pause_ms(const std::vector<SyncTimes>& rows) {
    double longest = 0;
    for (const SyncTimes& row : rows) longest = std::max(longest, row.pause_ms);
    return longest;
}

}  // namespace dws
