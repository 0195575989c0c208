// Whom a reader of a run believes. Pinned is the key that signs the run's log; who pins nothing
// believes whoever can write to the bucket, and takes signed and unsigned records alike.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/identity.h"
#include "base/result.h"

namespace dws {

// A record that is known to be sound by its hash, and by it all that stand before it.
struct KnownRecord {
    std::uint64_t sequence = 0;
    std::string sha256;  // of its stored bytes
    bool operator==(const KnownRecord&) const = default;

    std::string text() const;  // "<sequence>:<sha256>"
};
Result<KnownRecord> parse_known_record(std::string_view text);

struct Trust {
    // Signs the log from its first record on, or from the one after `since`, until a record that it
    // signs names the next key. Empty: nobody is pinned, and `since` is empty too.
    std::optional<PublicIdentity> log = {};
    // To pin another key after a leak: records up to this one are believed whoever signed them,
    // because their chain of hashes ends in it.
    std::optional<KnownRecord> since = {};
    std::vector<PublicIdentity> jumps = {};  // compactors; the log's key may always sign jumps
    std::vector<PublicIdentity> games = {};  // workers; empty: anybody may play
    // Where a follower keeps the last record it accepted, per run, so that after a restart it takes
    // no older log and no other one. Empty: nowhere.
    std::filesystem::path memory = {};
};

// The same as people write it; what is empty is not said.
struct TrustTexts {
    std::string log = {};
    std::string since = {};
    std::vector<std::string> jumps = {};
    std::vector<std::string> games = {};
    std::string memory = {};
};
// Throws std::runtime_error naming what is no key or record, or `since` without a pinned key.
Trust trust_from(const TrustTexts& texts);

}  // namespace dws
