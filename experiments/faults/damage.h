// Objects of a store, spoilt and put right again.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"
#include "experiments/faults/arena.h"

namespace dws {

// Replaces an object's bytes, whatever it is. Throws std::runtime_error when the store refuses.
void overwrite(Bucket& store, const std::string& key, const Bytes& bytes);
void remove_object(Bucket& store, const std::string& key);
Bytes read_object(Bucket& store, const std::string& key);

// While something is spoilt a newcomer comes: it must not commit `spoilt_version` or what builds on
// it, and `dws verify` must see it. Then `heal` is called, and the newcomer, or one that comes
// after it where it has ended on purpose, must reach the newest version.
Trouble a_newcomer_meets(Arena& arena, std::int64_t spoilt_version,
                         const std::function<void()>& heal);

}  // namespace dws
