// Objects of a store, spoilt and put right again.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "experiments/faults/arena.h"

namespace dws {

// Replaces an object's bytes, whatever it is. Throws std::runtime_error when the store refuses.
void overwrite(Bucket& store, const std::string& key, const Bytes& bytes);
void remove_object(Bucket& store, const std::string& key);
Bytes read_object(Bucket& store, const std::string& key);

// One thing that a store may do to an object. Whoever has its bytes can put it right again.
struct Spoiling {
    std::string name;  // the end of a scenario's: "truncated"
    // other_key: of a sound object of the same kind.
    std::function<void(Bucket& store, const std::string& key, Dice& dice,
                       const std::string& other_key)>
        spoil;
};
// Deleted, truncated, a bit flipped, swapped with another.
std::vector<Spoiling> spoilings();

// While something is spoilt a newcomer comes: it must not commit `spoilt_version` or what builds on
// it, and `dws verify` must see it. Then `heal` is called, and the newcomer, or one that comes
// after it where it has ended on purpose, must reach the newest version.
Trouble a_newcomer_meets(Arena& arena, std::int64_t spoilt_version,
                         const std::function<void()>& heal);

}  // namespace dws
