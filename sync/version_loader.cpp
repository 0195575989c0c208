#include "sync/version_loader.h"

#include "base/clock.h"
#include "base/stop_signal.h"

namespace dws {
namespace {

// Bytes damaged on the way come right with the next try or two; damaged in the store, never.
constexpr int kFetchAttempts = 3;
constexpr double kRefetchWait_s = 0.1;

}  // namespace

Result<StagedVersion> VersionLoader::stage(const Road& road, CommitReport& report,
                                           std::stop_token stop) {
    const Record& target = *road.back();
    report.version = target.version;
    report.trainer_step = target.trainer_step;
    report.kind = target.kind;
    report.changed_words = target.changed_words;
    // A record without objects, or with one refused unseen, is the fault itself.
    last_object_ = target.objects.empty() ? std::string() : target.objects.front().key;
    const Stopwatch total;
    const ObjectSource source = [&](const ObjectRef& object) {
        last_object_ = object.key;
        const Stopwatch fetching;
        Result<Bytes> bytes = fetch(object, stop);
        report.fetch_ms += fetching.ms();
        report.file_bytes += object.size_bytes;
        return bytes;
    };
    const auto stage_next = [&]() -> Result<StagedVersion> {
        if (road.front()->kind == RecordKind::anchor) return stage_whole(road, source);
        Result<Changes> changes = read_delta(replica_.table(), target, source);
        if (!changes) return changes.error();
        return replica_.stage_delta(target, std::move(*changes));
    };
    Result<StagedVersion> next = stage_next();
    report.stage_ms = total.ms() - report.fetch_ms;
    return next;
}

// Builds the version beside the live words; whatever these hold does not matter.
Result<StagedVersion> VersionLoader::stage_whole(const Road& road,
                                                 const ObjectSource& source) const {
    const ArrayTable& table = replica_.table();
    Bytes words(table.layout().size_bytes());
    const Result<Done> begun = read_anchor(table, *road.front(), source, words);
    if (!begun) return begun.error();
    for (std::size_t index = 1; index < road.size(); ++index) {
        const Result<Changes> changes = read_delta(table, *road[index], source);
        if (!changes) return changes.error();
        patch(table, *changes, words);
    }
    return replica_.stage_anchor(*road.back(), std::move(words));
}

Result<Bytes> VersionLoader::fetch(const ObjectRef& object, std::stop_token stop) const {
    for (int attempt = 1;; ++attempt) {
        if (stop.stop_requested()) return Error{Fault::transport, "stopped"};
        Result<Bytes> bytes = fetch_object(bucket_, run_, object);
        const bool is_corrupt = !bytes && bytes.error().fault == Fault::corrupt;
        if (!is_corrupt || attempt == kFetchAttempts) return bytes;
        refetching_(bytes.error());
        sleep_or_stop(kRefetchWait_s, stop);
    }
}

}  // namespace dws
