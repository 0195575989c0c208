// What must hold whatever file a worker, or a stranger, has put among the games. A broken promise
// ends the program: the fuzzer keeps the input, the replay of the corpus fails.
#pragma once

#include <string>
#include <vector>

#include "base/require.h"
#include "sync/games/game_signature.h"

namespace dws {

// True when the file is a group of games.
inline bool fuzz_games(std::span<const std::byte> file) {
    const Result<GameGroup> group = decode_group(file);
    if (!group) {
        require(group.error().fault == Fault::corrupt, "foreign bytes are at worst corrupt");
        return false;
    }
    require(group_fault(*group).empty(), "what is read may travel");
    require(group->games.size() <= kMaxGroupGames, "games have a limit");
    const Bytes encoded = encode_group(*group);
    const Result<GameGroup> again = decode_group(encoded);
    require(again && encode_group(*again) == encoded, "a group has one form");

    static const Identity worker = Identity::generate();
    static const std::vector<PublicIdentity> listed{worker.shared()};
    require(!group_signature_fault(file, *group, "run", listed).empty(),
            "nobody plays for another");
    require(group_signature_fault(file, *group, "run", {}).empty(), "without keys anybody plays");
    const Bytes own = sign_group(*group, "run", worker);
    require(group_signature_fault(own, *group, "run", listed).empty(), "its own signature holds");
    require(!group_signature_fault(own, *group, "other", listed).empty(), "and for one run alone");
    return true;
}

}  // namespace dws
