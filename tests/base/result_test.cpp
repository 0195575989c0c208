#include "base/result.h"

#include <gtest/gtest.h>

#include <set>

namespace dws {
namespace {

TEST(Fault, EachHasItsOwnNameAndNextAction) {
    std::set<std::string> names, actions;
    for (const Fault fault : {Fault::missing, Fault::corrupt, Fault::wrong_base, Fault::transport,
                              Fault::untrusted, Fault::superseded}) {
        names.insert(name_of(fault));
        actions.insert(next_action(fault));
    }
    EXPECT_EQ(names.size(), 6u);
    EXPECT_EQ(actions.size(), 6u);
}

TEST(Fault, AFinalLineSaysWhatHappenedAndWhatToDo) {
    EXPECT_EQ(final_line({Fault::missing, "no object a"}),
              "missing: no object a; wait, or start from an anchor");
}

}  // namespace
}  // namespace dws
