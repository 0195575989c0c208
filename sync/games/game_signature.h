// A worker's signature on a group of games. It stands in the file's metadata ("keyid",
// "signature") and is over the run's name and the group's own bytes, which hold the worker's name
// and the group's number: a group that is copied to another place, or another run, is nobody's.
#pragma once

#include <span>
#include <string>

#include "base/bytes.h"
#include "base/identity.h"
#include "sync/games/game_group.h"

namespace dws {

// encode_group() of the group, signed.
Bytes sign_group(const GameGroup& group, const std::string& run, const Identity& signer);

// Empty: one of these keys signed this file, or there are no keys. Otherwise why not, as the end
// of a sentence. group: what decode_group() found in the file.
std::string group_signature_fault(std::span<const std::byte> file, const GameGroup& group,
                                  const std::string& run, std::span<const PublicIdentity> signers);

}  // namespace dws
