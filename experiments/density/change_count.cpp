#include "experiments/density/change_count.h"

#include <cstddef>

namespace dws {

ChangeCount& ChangeCount::operator+=(const ChangeCount& other) {
    words += other.words;
    changed += other.changed;
    expected += other.expected;
    half_ulp += other.half_ulp;
    return *this;
}

void count_changes(const Snapshot& before, const Snapshot& after, ExponentCounts& counts) {
    for (std::size_t i = 0; i < before.published.size(); ++i) {
        const Bf16 word = before.published[i];
        if (word == 0 && after.published[i] == 0) continue;
        const int exponent = exponent_of(word);
        const double update =
            static_cast<double>(after.master[i]) - static_cast<double>(before.master[i]);
        ChangeCount& count = counts[static_cast<std::size_t>(exponent)];
        count.words += 1;
        count.changed += word != after.published[i];
        count.expected += expected_change(update, exponent);
        count.half_ulp += passes_half_ulp(update, exponent);
    }
}

ChangeCount sum_of(const ExponentCounts& counts) {
    ChangeCount sum;
    for (const ChangeCount& count : counts) sum += count;
    return sum;
}

}  // namespace dws
