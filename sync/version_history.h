// The versions a follower has read of in the log, and the jumps it knows between them: from the
// anchor it would rebuild from up to the newest, staged or not. One record (a few hundred bytes)
// per version since that anchor.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/identity.h"
#include "base/result.h"
#include "sync/jump.h"
#include "sync/record.h"
#include "sync/road.h"

namespace dws {

class VersionHistory {
public:
    // Records of anchors and deltas, in the log's order; others are not versions and ignored. The
    // games a record names are not kept, nor the steps. stored_sha256: of its stored bytes; only
    // jumps ask for it. Pointers given out stay good until forget_before().
    void add(Record record, std::string stored_sha256 = {});
    // Fault::missing: the record it names is not in this history (not yet, or no longer). Fault::
    // untrusted: it says other things of that version than the log; it is refused.
    Result<Done> add(const Jump& jump);
    // Who may sign jumps, as ChainReader::jump_signers() says. Whoever reads jumps for this history
    // asks for it.
    void set_jump_signers(std::vector<PublicIdentity> signers) {
        jump_signers_ = std::move(signers);
    }
    const std::vector<PublicIdentity>& jump_signers() const { return jump_signers_; }
    // A jump that is not worth asking for again until forgive_all().
    void refuse(const JumpEnds& ends) { refused_.emplace(ends.version, ends.base_version); }
    // Whether it was added or refused.
    bool knows(const JumpEnds& ends) const;

    // Drops what nobody needs who holds version `held` and will only go forward.
    void forget_before(std::int64_t held);

    // The cheapest road, as cheapest_road() says, over all pieces but those struck.
    Road road(std::int64_t held, std::int64_t target) const;
    // A piece that does not lead where it says: no road takes it until forgive_all(). piece: given
    // out by road().
    void strike(const Record& piece);
    void forgive_all();
    bool is_jump(const Record& piece) const;

    // The lowest version of an anchor that is not struck: where whoever holds nothing may begin,
    // whatever is held back. -1: none yet.
    std::int64_t oldest_start() const;
    // The lowest version of the log in here; -1: none yet.
    std::int64_t oldest_version() const;
    // The highest version of the log that is not above limit; -1: none yet.
    std::int64_t newest_version(std::int64_t limit) const;

private:
    struct Piece {
        Record record;
        std::string stored_sha256;  // of a log record
        bool is_struck = false;
    };
    using Ends = std::pair<std::int64_t, std::int64_t>;  // version, base version

    const Piece* logged(std::int64_t version) const;

    std::deque<Piece> versions_;  // ascending
    std::map<Ends, Piece> jumps_;
    std::set<Ends> refused_;
    std::vector<PublicIdentity> jump_signers_;  // empty: nobody is pinned
};

}  // namespace dws
