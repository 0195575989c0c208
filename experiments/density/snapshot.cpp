#include "experiments/density/snapshot.h"

#include <cstring>

#include "base/require.h"

namespace dws {
namespace {

template <class Value>
std::vector<Value> array_named(const TrainingState& state, const std::string& name) {
    for (const TrainingArray& array : state.arrays) {
        if (array.spec.name != name) continue;
        std::vector<Value> values(array.bytes.size() / sizeof(Value));
        std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
        return values;
    }
    require(false, "a native trainer has this array");
    return {};
}

}  // namespace

Snapshot snapshot_of(Trainer& trainer) {
    const TrainingState state = trainer.training_state();
    return {.optimizer_steps = state.optimizer_steps,
            .master = array_named<float>(state, "master"),
            .first_moment = array_named<float>(state, "first_moment"),
            .second_moment = array_named<float>(state, "second_moment"),
            .published = array_named<Bf16>(state, "published")};
}

}  // namespace dws
