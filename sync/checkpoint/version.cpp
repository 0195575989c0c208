#include "sync/checkpoint/version.h"

#include <fmt/format.h>

#include <utility>

#include "sync/fetch.h"
#include "sync/jump_search.h"
#include "sync/run_table.h"

namespace dws {
namespace {

// Anchors that are gone or wrong are struck and another one is tried, a compactor's too.
Result<ArrayTable> table_of_anchor(Bucket& bucket, RunLog& log, const Record& record,
                                   const std::stop_token& stop) {
    const ObjectSource source = [&](const ObjectRef& object) -> Result<Bytes> {
        if (stop.stop_requested()) return Error{Fault::transport, "stopped"};
        return fetch_object(bucket, record.run, object);
    };
    Error last{Fault::missing, fmt::format("no anchor leads to version {}", record.version)};
    bool has_asked = false;
    while (true) {  // each round but one strikes an anchor
        const Road road = log.history.road(-1, record.version);
        if (!road.empty() && road.back()->version == record.version) {
            Result<ArrayTable> table = read_table(*road.front(), source);
            if (table || table.error().fault == Fault::transport) return table;
            last = table.error();
            log.history.strike(*road.front());
        } else if (has_asked) {
            return last;
        } else {
            has_asked = true;
            add_jumps(bucket, record.run, -1, record.version, log.history, {}, stop);
        }
    }
}

}  // namespace

const Record* RunLog::find(std::int64_t version) const {
    if (version < 0 && !versions.empty()) return &versions.back();
    for (const Record& record : versions)
        if (record.version == version) return &record;
    return nullptr;
}

Result<RunLog> read_run_log(Bucket& bucket, const std::string& run, std::stop_token stop,
                            const Trust& trust) {
    ChainReader reader(bucket, run, trust);
    RunLog log;
    while (true) {  // as long as the log
        if (stop.stop_requested()) return Error{Fault::transport, "stopped"};
        Result<Record> record = reader.next(stop);
        if (!record && record.error().fault == Fault::missing) break;
        if (!record) return record.error();
        log.history.add(*record, reader.position().last_sha256);
        if (record->kind == RecordKind::anchor || record->kind == RecordKind::delta)
            log.versions.push_back(std::move(*record));
    }
    log.position = reader.position();
    log.history.set_jump_signers(reader.jump_signers());
    return log;
}

Result<std::optional<CheckpointManifest>> fetch_manifest(Bucket& bucket, const Record& record) {
    const ObjectRef* object = manifest_of(record);
    if (object == nullptr) return std::optional<CheckpointManifest>();
    if (object->size_bytes > kMaxManifestBytes)
        return Error{Fault::corrupt, object->key + ": larger than any checkpoint's headers"};
    const Result<Bytes> bytes = fetch_object(bucket, record.run, *object);
    if (!bytes) return bytes.error();
    Result<CheckpointManifest> manifest = decode_manifest(*bytes);
    if (!manifest) return Error{Fault::corrupt, object->key + ": " + manifest.error().detail};
    return std::optional<CheckpointManifest>(std::move(*manifest));
}

Result<ArrayTable> table_of_version(Bucket& bucket, RunLog& log, const Record& record,
                                    const std::optional<CheckpointManifest>& manifest,
                                    std::stop_token stop) {
    if (!manifest) return table_of_anchor(bucket, log, record, stop);
    Result<ArrayTable> table = table_of(manifest->shards);
    if (table && table->layout_hash() != record.layout_hash)
        return Error{Fault::corrupt, fmt::format("{}: its headers are not of the version's arrays",
                                                 manifest_of(record)->key)};
    return table;
}

}  // namespace dws
