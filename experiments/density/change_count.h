// How many words changed between two moments of a trainer, and how many would be expected to.
#pragma once

#include <array>
#include <cstdint>

#include "experiments/density/rounding.h"
#include "experiments/density/snapshot.h"

namespace dws {

struct ChangeCount {
    double words = 0;
    double changed = 0;
    double expected = 0;  // a sum of probabilities
    double half_ulp = 0;  // updates that pass half an ulp

    ChangeCount& operator+=(const ChangeCount& other);
};

// By the exponent of the word before.
using ExponentCounts = std::array<ChangeCount, kExponents>;

// Adds the pair to the counts; the update is the difference of the masters. Words that are zero
// before and after are gaps between arrays, or as good as these, and left out.
void count_changes(const Snapshot& before, const Snapshot& after, ExponentCounts& counts);

ChangeCount sum_of(const ExponentCounts& counts);

}  // namespace dws
