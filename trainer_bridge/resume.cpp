#include "trainer_bridge/resume.h"

#include <stdexcept>
#include <utility>

#include "sync/log_end.h"
#include "sync/replica.h"
#include "sync/state_loader.h"

namespace dws {

Result<RunState> read_run(Bucket& bucket, const ArrayTable& table, const std::string& run,
                          std::stop_token stop) {
    const Result<std::uint64_t> end = listed_log_end(bucket, run);
    if (!end) return end.error();
    Result<LogState> log = read_log(bucket, run, stop);
    if (!log) return log.error();
    // A record lost in the middle looks like the log's end, and writing there would fork it.
    const Result<Done> whole = check_log_end(*end, log->position.next_sequence);
    if (!whole) return whole.error();
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
