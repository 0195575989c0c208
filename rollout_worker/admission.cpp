#include "rollout_worker/admission.h"

#include <algorithm>

namespace dws {

const char* name_of(Admission admission) {
    switch (admission) {
        case Admission::admitted:
            return "admitted";
        case Admission::too_many_undecided:
            return "too_many_undecided";
        case Admission::weights_too_old:
            return "weights_too_old";
    }
    return "unknown";
}

std::int64_t undecided_groups(const AdmissionFacts& facts) {
    const std::int64_t decided = std::max(facts.cursor, facts.demonstrations);
    return facts.submitted_groups + facts.open_groups - decided;
}

Admission admit(const AdmissionLimits& limits, const AdmissionFacts& facts) {
    if (facts.newest_step - facts.held_step > limits.staleness_max_steps) {
        return Admission::weights_too_old;
    }
    if (undecided_groups(facts) >= limits.groups_ahead_max) return Admission::too_many_undecided;
    return Admission::admitted;
}

}  // namespace dws
