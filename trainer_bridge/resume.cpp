#include "trainer_bridge/resume.h"

#include <stdexcept>
#include <utility>

#include "sync/replica.h"
#include "sync/state_loader.h"

namespace dws {

Result<RunState> read_run(Bucket& bucket, const ArrayTable& table, const std::string& run,
                          std::stop_token stop) {
    Result<LogState> log = read_log(bucket, run, stop);
    if (!log) return log.error();
    if (log->position.next_sequence == 0) {
        throw std::runtime_error("run " + run + " has no log: start it without --resume");
    }
    if (log->position.version < 0) {
        throw std::runtime_error("run " + run +
                                 " has a log but no version, anchor 0 was never committed: start "
                                 "anew under another run.name");
    }
    Bytes words(table.layout().size_bytes());
    Replica replica(table, words);
    const Result<Done> loaded =
        load_version(bucket, run, log->versions, replica, log->position.version, stop);
    if (!loaded) return loaded.error();
    return RunState{std::move(log->position), std::move(words)};
}

}  // namespace dws
