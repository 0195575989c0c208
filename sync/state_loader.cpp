#include "sync/state_loader.h"

#include <fmt/format.h>

#include <utility>

#include "base/require.h"
#include "sync/road_search.h"
#include "sync/version_loader.h"

namespace dws {
Result<LogState> read_log(Bucket& bucket, const std::string& run, std::stop_token stop,
                          const Trust& trust) {
    ChainReader reader(bucket, run, trust);
    LogState log;
    while (true) {  // as long as the log, which one writer made
        if (stop.stop_requested()) return Error{Fault::transport, "stopped"};
        Result<Record> record = reader.next(stop);
        if (!record && record.error().fault == Fault::missing) break;
        if (!record) return record.error();
        log.versions.add(std::move(*record), reader.position().last_sha256);
    }
    log.position = reader.position();
    log.versions.set_jump_signers(reader.jump_signers());
    return log;
}

Result<Done> load_version(Bucket& bucket, const std::string& run, VersionHistory& versions,
                          Replica& replica, std::int64_t version, std::stop_token stop) {
    require(replica.version() <= version, "a replica goes forward only");
    VersionLoader loader(bucket, replica, run, [](const Error&) {});
    RoadSearch search(bucket, run, versions, {});
    Error last{Fault::missing, fmt::format("no anchor leads to version {}", version)};
    while (replica.version() < version) {  // each round takes one piece or strikes one
        const Road road = search.find(replica.version(), version, stop);
        if (stop.stop_requested()) return Error{Fault::transport, "stopped"};
        if (road.empty() || road.back()->version != version) return last;
        CommitReport report;
        const Result<StagedVersion> staged = loader.stage(road, 1, report, stop);
        if (staged) {
            replica.commit(*staged);
            continue;
        }
        last = staged.error();
        if (last.fault == Fault::transport) return last;
        search.strike(road, loader.culprit());
    }
    return Done{};
}

}  // namespace dws
