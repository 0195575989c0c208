#include "trainer_bridge/resume.h"

#include <stdexcept>
#include <utility>

#include "sync/fetch.h"
#include "sync/replica.h"

namespace dws {
namespace {

Result<StagedVersion> stage(Bucket& bucket, const Replica& replica, const Record& record,
                            const std::stop_token& stop) {
    const ObjectSource source = [&](const ObjectRef& object) -> Result<Bytes> {
        if (stop.stop_requested()) return Error{Fault::transport, "stopped"};
        return fetch_object(bucket, record.run, object);
    };
    if (record.kind == RecordKind::delta) {
        Result<Changes> changes = read_delta(replica.table(), record, source);
        if (!changes) return changes.error();
        return replica.stage_delta(record, std::move(*changes));
    }
    Bytes words(replica.table().layout().size_bytes());
    const Result<Done> read = read_anchor(replica.table(), record, source, words);
    if (!read) return read.error();
    return replica.stage_anchor(record, std::move(words));
}

// Brings the replica to the record's version; epoch and end records change none.
Result<Done> follow(Bucket& bucket, Replica& replica, const Record& record,
                    const std::stop_token& stop) {
    if (record.kind != RecordKind::anchor && record.kind != RecordKind::delta) return Done{};
    const Result<StagedVersion> staged = stage(bucket, replica, record, stop);
    if (!staged) return staged.error();
    replica.commit(*staged);
    return Done{};
}

}  // namespace

Result<RunState> read_run(Bucket& bucket, const ArrayTable& table, const std::string& run,
                          std::stop_token stop) {
    Bytes words(table.layout().size_bytes());
    Replica replica(table, words);
    ChainReader reader(bucket, run);
    while (true) {  // as long as the log, which one writer made
        if (stop.stop_requested()) return Error{Fault::transport, "stopped"};
        const Result<Record> record = reader.next();
        if (!record && record.error().fault == Fault::missing) break;
        if (!record) return record.error();
        const Result<Done> followed = follow(bucket, replica, *record, stop);
        if (!followed) return followed.error();
    }
    const ChainPosition& position = reader.position();
    if (position.next_sequence == 0) {
        throw std::runtime_error("run " + run + " has no log: start it without --resume");
    }
    if (position.version < 0) {
        throw std::runtime_error("run " + run +
                                 " has a log but no version, anchor 0 was never committed: start "
                                 "anew under another run.name");
    }
    return RunState{position, std::move(words)};
}

}  // namespace dws
