// What a run's bucket holds, for those who look at the whole of it: the compactor, retention and
// `dws verify`. Followers of the weights read ahead from where they stand instead.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "sync/bucket/bucket.h"
#include "sync/jump.h"
#include "sync/record.h"
#include "sync/trust.h"

namespace dws {

// A record that follows on in the log, and the hash that others name it by.
struct LoggedRecord {
    Record record;
    std::string sha256;  // of its stored bytes
};

struct FoundJump {
    std::string key;  // whole
    JumpEnds ends;    // as the key says
    std::optional<Jump> jump;
    std::optional<Error> error;  // why there is no jump: corrupt, or untrusted
    Bytes stored = {};           // of the jump
};

// True for records of anchors and deltas: they make a version.
bool makes_version(const Record& record);

// The whole log, checked as a chain; an empty one is no records. Fault::transport when stopped.
Result<std::vector<LoggedRecord>> read_records(Bucket& bucket, const std::string& run,
                                               std::stop_token stop, const Trust& trust = {});

// As ChainReader::jump_signers() says at the end of this log, which was read with this trust.
std::vector<PublicIdentity> jump_signers(const Trust& trust, const std::vector<LoggedRecord>& log);
// Makes those that none of the signers signed untrusted; none: anybody may sign jumps. Apart from
// reading, because jumps are listed before the log whose end says who may sign them.
void refuse_strangers(std::vector<FoundJump>& jumps, std::span<const PublicIdentity> signers);

// Every entry under jumps/ whose ends pass `wanted`, by key; keys of another form are passed over,
// and so are entries that go away meanwhile.
Result<std::vector<FoundJump>> read_jumps(Bucket& bucket, const std::string& run,
                                          const std::function<bool(const JumpEnds&)>& wanted,
                                          std::stop_token stop);

// Keys under "<run>/<folder>/", without the run's prefix.
Result<std::set<std::string>> list_keys(Bucket& bucket, const std::string& run,
                                        const std::string& folder);

// Whether all objects that hold words, of which there are some, are among the keys.
bool has_all_words(const std::vector<ObjectRef>& objects, const std::set<std::string>& keys);

std::uint64_t total_bytes(const std::vector<ObjectRef>& objects);

}  // namespace dws
