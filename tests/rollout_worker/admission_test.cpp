#include "rollout_worker/admission.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

constexpr AdmissionLimits kLimits{.groups_ahead_max = 4, .staleness_max_steps = 2};

TEST(Admission, FollowsTheTruthTable) {
    struct Case {
        AdmissionFacts facts;
        Admission expected;
        const char* why;
    };
    const std::vector<Case> cases{
        {{0, 0, 0, 0, 0, 0}, Admission::admitted, "a fresh worker"},
        {{3, 0, 0, 0, 0, 0}, Admission::admitted, "the fourth undecided group is the last allowed"},
        {{2, 2, 0, 0, 0, 0}, Admission::too_many_undecided, "open groups count"},
        {{4, 0, 0, 0, 0, 0}, Admission::too_many_undecided, "submitted groups count"},
        {{4, 0, 0, 1, 0, 0}, Admission::admitted, "a decided one makes room"},
        {{100, 3, 0, 100, 0, 0}, Admission::admitted, "only the difference counts"},
        {{0, 0, 0, 0, 5, 7}, Admission::admitted, "two steps behind is the last allowed"},
        {{0, 0, 0, 0, 5, 8}, Admission::weights_too_old, "three steps behind"},
        {{9, 0, 0, 0, 5, 8}, Admission::weights_too_old, "old weights are the first reason"},
        {{9, 0, 9, 0, 0, 0}, Admission::admitted, "demonstrations do not count"},
        {{9, 0, 9, 7, 0, 0}, Admission::admitted, "decided or not"},
        {{12, 1, 9, 7, 0, 0}, Admission::too_many_undecided, "what came after them does"},
        {{12, 1, 9, 10, 0, 0}, Admission::admitted, "until it is decided"},
    };
    for (const Case& c : cases) EXPECT_EQ(admit(kLimits, c.facts), c.expected) << c.why;
}

}  // namespace
}  // namespace dws
