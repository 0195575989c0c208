// How long many calls took, and the quantiles of it. Keeps every value, so that
// values of several threads can be put together: a run has a few million.
#pragma once

#include <cstddef>
#include <vector>

namespace dws {

class Latencies {
public:
    void add(double ms) { values_ms_.push_back(ms); }
    void add(const Latencies& others);

    std::size_t count() const { return values_ms_.size(); }
    // The smallest value that at least `share` of all values do not exceed
    // (nearest rank): always one that was measured. 0 < share <= 1; 1 is the
    // largest. 0 when there are none.
    double quantile_ms(double share) const;

private:
    std::vector<double> values_ms_;
};

}  // namespace dws
