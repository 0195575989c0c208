// Versions that a trainer has published, taken from its bucket.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "experiments/wire/version_pair.h"

namespace dws {

// A version's pair with the one before: the label is "v" and its number.
using PairVisit = std::function<void(const VersionPair&)>;

// Follows the run's log from its first anchor and visits at most `versions` of its deltas, spread
// evenly. Throws std::runtime_error where the log or an object cannot be read, where a version's
// words have another digest than its record, and for arrays whose words have not 16 bits.
void for_each_run_pair(const std::filesystem::path& bucket, const std::string& run,
                       std::size_t versions, const PairVisit& visit);

}  // namespace dws
