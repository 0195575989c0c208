#include "sync/version_loader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/require.h"
#include "base/stop_signal.h"

namespace dws {
namespace {

// Bytes damaged on the way come right with the next try or two; damaged in the store, never.
constexpr int kFetchAttempts = 3;
constexpr double kRefetchWait_s = 0.1;

// At 50 ms a request and 64 MiB a file, enough to fill 40 Gbit/s; memory is four files.
constexpr std::size_t kFilesInFlight = 4;

}  // namespace

VersionLoader::VersionLoader(Bucket& bucket, const Replica& replica, std::string run,
                             std::function<void(const Error&)> refetching)
    : bucket_(bucket),
      replica_(replica),
      run_(std::move(run)),
      refetching_(std::move(refetching)),
      prefetch_([this](const ObjectRef& object) { return fetch_object(bucket_, run_, object); },
                kFilesInFlight) {}

Result<StagedVersion> VersionLoader::stage(const Road& road, std::size_t pieces,
                                           CommitReport& report, std::stop_token stop) {
    require(pieces > 0 && pieces <= road.size(), "a road's pieces are staged");
    const Record& target = *road[pieces - 1];
    report.version = target.version;
    report.trainer_step = target.trainer_step;
    report.kind = target.kind;
    report.changed_words = target.changed_words;
    report.notify_ms = 1e3 * (wall_s() - target.created_unix_s);
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
    announce(road, pieces);
    Result<StagedVersion> next = stage_next(road, pieces, source, report);
    report.stage_ms = total.ms() - report.fetch_ms;
    return next;
}

// All that is staged now, and as much behind it as may wait in memory.
void VersionLoader::announce(const Road& road, std::size_t pieces) {
    std::vector<ObjectRef> objects;
    std::size_t ahead = 0;
    for (std::size_t index = 0; index < road.size() && ahead < kFilesInFlight; ++index) {
        // What is larger than it can need is never asked for: stage() says so when it comes to it.
        if (!check_sizes(replica_.table(), *road[index])) break;
        for (const ObjectRef& object : road[index]->objects) {
            if (!holds_words(object)) continue;
            if (index >= pieces && ++ahead > kFilesInFlight) break;
            objects.push_back(object);
        }
    }
    prefetch_.expect(objects);
}

Result<StagedVersion> VersionLoader::stage_next(const Road& road, std::size_t pieces,
                                                const ObjectSource& source, CommitReport& report) {
    const auto verified = [&](const auto& stage) {
        const Stopwatch verifying;
        Result<StagedVersion> next = stage();
        report.verify_ms = verifying.ms();
        return next;
    };
    const ArrayTable& table = replica_.table();
    culprit_ = road.front();
    if (road.front()->kind == RecordKind::delta) {
        require(pieces == 1, "deltas are staged one by one: each needs the live words of its base");
        Result<Changes> changes =
            read_delta(table, *road.front(), replica_.words(), source, replica_.staging_threads());
        if (!changes) return changes.error();
        return verified([&] { return replica_.stage_delta(*road.front(), std::move(*changes)); });
    }
    // Beside the live words; whatever these hold does not matter.
    Bytes words(table.layout().size_bytes());
    const Result<Done> begun = read_anchor(table, *road.front(), source, words);
    if (!begun) return begun.error();
    for (std::size_t index = 1; index < pieces; ++index) {
        culprit_ = road[index];
        const Result<Changes> changes =
            read_delta(table, *road[index], words, source, replica_.staging_threads());
        if (!changes) return changes.error();
        patch(table, *changes, words, replica_.staging_threads());
    }
    if (pieces > 1) culprit_ = nullptr;
    return verified([&] { return replica_.stage_anchor(*road[pieces - 1], std::move(words)); });
}

Result<Bytes> VersionLoader::fetch(const ObjectRef& object, std::stop_token stop) {
    for (int attempt = 1;; ++attempt) {
        if (stop.stop_requested()) return Error{Fault::transport, "stopped"};
        Result<Bytes> bytes =
            attempt == 1 ? prefetch_.take(object, stop) : fetch_object(bucket_, run_, object);
        const bool is_corrupt = !bytes && bytes.error().fault == Fault::corrupt;
        if (!is_corrupt || attempt == kFetchAttempts) return bytes;
        refetching_(bytes.error());
        sleep_or_stop(kRefetchWait_s, stop);
    }
}

}  // namespace dws
