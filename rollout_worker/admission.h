// May this worker open another group? Two bounds keep games from growing old before they are
// trained: how many groups wait for the trainer, and how far behind the weights are.
#pragma once

#include <cstdint>

namespace dws {

struct AdmissionLimits {
    std::int64_t groups_ahead_max = 0;
    std::int64_t staleness_max_steps = 0;
};

struct AdmissionFacts {
    std::int64_t submitted_groups = 0;  // demonstrations included, as they are numbered
    std::int64_t open_groups = 0;       // begun, not yet submitted
    std::int64_t demonstrations = 0;    // the first so many of the submitted
    std::int64_t cursor = 0;            // the trainer has decided all groups before it
    std::int64_t held_step = 0;         // trainer step of the weights held here
    std::int64_t newest_step = 0;       // of the newest version in the log
};

enum class Admission {
    admitted,
    too_many_undecided,  // until the trainer's next record moves the cursor
    weights_too_old,     // until a newer version is committed here
};
const char* name_of(Admission admission);

// Groups of this worker that the trainer has not decided. Demonstrations do not count: the
// trainer needs no more of them once a version is there, and may never decide the rest.
std::int64_t undecided_groups(const AdmissionFacts& facts);

Admission admit(const AdmissionLimits& limits, const AdmissionFacts& facts);

}  // namespace dws
