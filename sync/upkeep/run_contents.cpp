#include "sync/upkeep/run_contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/require.h"
#include "sync/chain.h"
#include "sync/envelope.h"
#include "sync/jump_search.h"

namespace dws {

bool makes_version(const Record& record) {
    return record.kind == RecordKind::anchor || record.kind == RecordKind::delta;
}

Result<std::vector<LoggedRecord>> read_records(Bucket& bucket, const std::string& run,
                                               std::stop_token stop, const Trust& trust) {
    ChainReader reader(bucket, run, trust);
    std::vector<LoggedRecord> log;
    while (!stop.stop_requested()) {
        Result<Record> record = reader.next(stop);
        if (record) {
            log.push_back({std::move(*record), reader.position().last_sha256});
            continue;
        }
        if (record.error().fault != Fault::missing) return record.error();
        return log;
    }
    return Error{Fault::transport, "stopped"};
}

std::vector<PublicIdentity> jump_signers(const Trust& trust, const std::vector<LoggedRecord>& log) {
    if (!trust.log) return {};
    PublicIdentity last = *trust.log;
    for (const LoggedRecord& entry : log) {
        const bool is_known = trust.since && entry.record.sequence <= trust.since->sequence;
        if (entry.record.next_key.empty() || is_known) continue;
        const Result<PublicIdentity> next = parse_identity(entry.record.next_key);
        require(bool(next), "a record that follows on names a key as the next one");
        last = *next;
    }
    std::vector<PublicIdentity> signers = trust.jumps;
    signers.push_back(last);
    return signers;
}

void refuse_strangers(std::vector<FoundJump>& jumps, std::span<const PublicIdentity> signers) {
    if (signers.empty()) return;
    for (FoundJump& found : jumps) {
        if (!found.jump) continue;
        const std::string why = signature_fault(found.stored, signers);
        if (why.empty()) continue;
        found.jump.reset();
        found.error = Error{Fault::untrusted, "the jump " + why};
    }
}

Result<std::vector<FoundJump>> read_jumps(Bucket& bucket, const std::string& run,
                                          const std::function<bool(const JumpEnds&)>& wanted,
                                          std::stop_token stop) {
    const Result<std::vector<std::string>> keys = bucket.list(run + "/jumps/", Listing::objects);
    if (!keys) return keys.error();
    std::vector<FoundJump> found;
    for (const std::string& key : *keys) {
        if (stop.stop_requested()) return Error{Fault::transport, "stopped"};
        const std::optional<JumpEnds> ends = jump_ends(key);
        if (!ends || !wanted(*ends)) continue;
        if (key != jump_key(run, ends->base_version, ends->version)) continue;  // a deeper folder
        Result<Bytes> stored = fetch_jump(bucket, run, *ends);
        if (!stored && stored.error().fault == Fault::missing) continue;
        if (!stored) return stored.error();
        Result<Jump> jump = open_jump(*stored, run, *ends, {});
        FoundJump entry{key, *ends, {}, {}, std::move(*stored)};
        if (jump)
            entry.jump = std::move(*jump);
        else
            entry.error = jump.error();
        found.push_back(std::move(entry));
    }
    return found;
}

Result<std::set<std::string>> list_keys(Bucket& bucket, const std::string& run,
                                        const std::string& folder) {
    const Result<std::vector<std::string>> keys =
        bucket.list(fmt::format("{}/{}/", run, folder), Listing::objects);
    if (!keys) return keys.error();
    std::set<std::string> relative;
    for (const std::string& key : *keys) relative.insert(key.substr(run.size() + 1));
    return relative;
}

bool has_all_words(const std::vector<ObjectRef>& objects, const std::set<std::string>& keys) {
    const bool has_words = std::any_of(objects.begin(), objects.end(), holds_words);
    return has_words && std::all_of(objects.begin(), objects.end(), [&](const ObjectRef& object) {
               return !holds_words(object) || keys.contains(object.key);
           });
}

std::uint64_t total_bytes(const std::vector<ObjectRef>& objects) {
    std::uint64_t bytes = 0;
    for (const ObjectRef& object : objects) bytes += object.size_bytes;
    return bytes;
}

}  // namespace dws
