// Whether an anchor's files are the version they stand for, with one file in memory at a time: what
// is asked before anything that it could replace is removed.
#pragma once

#include <vector>

#include "base/result.h"
#include "sync/digest.h"
#include "sync/fetch.h"
#include "sync/record.h"

namespace dws {

// digest: of the version, as the log says. Faults as the source's; Fault::corrupt: the files are
// sound, and their words are another version's. Memory: the largest file twice.
Result<Done> prove_anchor(const std::vector<ObjectRef>& objects, const Digest& digest,
                          const ObjectSource& source);

}  // namespace dws
