#include "experiments/load/latencies.h"

#include <algorithm>
#include <cmath>

#include "base/require.h"

namespace dws {

void Latencies::add(const Latencies& others) {
    values_ms_.insert(values_ms_.end(), others.values_ms_.begin(), others.values_ms_.end());
}

double Latencies::quantile_ms(double share) const {
    require(share > 0 && share <= 1, "a quantile's share is above 0 and at most 1");
    if (values_ms_.empty()) return 0;
    // share * count is rarely exact: 0.07 * 100 is a little above 7 and means the
    // seventh.
    const double rank = std::ceil(share * static_cast<double>(count()) - 1e-9);
    const auto index = static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
    std::vector<double> values = values_ms_;
    std::nth_element(values.begin(), values.begin() + index, values.end());
    return values[static_cast<std::size_t>(index)];
}

}  // namespace dws
