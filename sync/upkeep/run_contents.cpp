#include "sync/upkeep/run_contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sync/chain.h"
#include "sync/jump_search.h"

namespace dws {

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
        if (key != jump_key(run, ends->base_version, ends->version)) continue;  // a deeper folder
        Result<Jump> jump = read_jump(bucket, run, *ends);
        if (!jump && jump.error().fault == Fault::missing) continue;
        if (!jump && jump.error().fault != Fault::corrupt) return jump.error();
        FoundJump entry{key, *ends, {}, {}};
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
