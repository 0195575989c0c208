#include "experiments/model_speed/measurements.h"

#include "base/require.h"
#include "experiments/bench_clock.h"

namespace dws {

void Targets::add(const std::string& what, double reached, double target) {
    rows_.push_back(
        {what, reached >= target ? "holds" : "does not hold", number(reached), number(target)});
}

void Targets::write(const Measurement& measurement) const {
    Table table(measurement.results / "targets.tsv", measurement.note,
                {"what", "holds", "reached", "target"});
    for (const std::vector<std::string>& row : rows_) table.add(row);
}

double median_of(std::vector<double> values) {
    require(!values.empty(), "a median is of something");
    return median(values);
}

}  // namespace dws
