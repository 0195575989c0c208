#include "sync/upkeep/run_contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sync/chain.h"

namespace dws {
namespace {

Result<Bytes> get_entry(Bucket& bucket, const std::string& key) {
    // One byte more than it may have, so that a longer one is seen to be longer.
    return bucket.get(key, {.length = kMaxRecordBytes + 1});
}

}  // namespace

bool makes_version(const Record& record) {
    return record.kind == RecordKind::anchor || record.kind == RecordKind::delta;
}

Result<std::vector<LoggedRecord>> read_records(Bucket& bucket, const std::string& run,
                                               std::stop_token stop) {
    ChainReader reader(bucket, run);
    std::vector<LoggedRecord> log;
    while (!stop.stop_requested()) {
        Result<Record> record = reader.next();
        if (record) {
            log.push_back({std::move(*record), reader.position().last_sha256});
            continue;
        }
        if (record.error().fault != Fault::missing) return record.error();
        return log;
    }
    return Error{Fault::transport, "stopped"};
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
        const Result<Bytes> stored = get_entry(bucket, key);
        if (!stored && stored.error().fault == Fault::missing) continue;
        if (!stored && stored.error().fault != Fault::corrupt) return stored.error();
        FoundJump entry{key, *ends, {}, {}};
        Result<Jump> jump = stored ? decode_jump(*stored) : Result<Jump>(stored.error());
        if (jump && (jump->run != run || jump->version != ends->version ||
                     jump->base_version != ends->base_version))
            jump = Error{Fault::corrupt, "it is another run's or another key's entry"};
        if (jump)
            entry.jump = std::move(*jump);
        else
            entry.error = Error{Fault::corrupt, jump.error().detail};
        found.push_back(std::move(entry));
    }
    return found;
}

std::string jump_fault(const Jump& jump, const LoggedRecord& entry) {
    const Record& record = entry.record;
    if (jump.sequence != record.sequence)
        return fmt::format("names record {}, version {} is record {}", jump.sequence,
                           record.version, record.sequence);
    if (jump.record_sha256 != entry.sha256)
        return fmt::format("names another record {} than the log's", record.sequence);
    if (jump.digest != record.digest) return "its digest is not the record's";
    if (jump.layout_hash != record.layout_hash || jump.total_words != record.total_words)
        return "its arrays are not the record's";
    if (jump.trainer_step != record.trainer_step) return "its trainer step is not the record's";
    return {};
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
    return std::all_of(objects.begin(), objects.end(), [&](const ObjectRef& object) {
        return !holds_words(object) || keys.contains(object.key);
    });
}

std::uint64_t total_bytes(const std::vector<ObjectRef>& objects) {
    std::uint64_t bytes = 0;
    for (const ObjectRef& object : objects) bytes += object.size_bytes;
    return bytes;
}

}  // namespace dws
