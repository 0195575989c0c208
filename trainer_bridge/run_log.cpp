#include "trainer_bridge/run_log.h"

#include <utility>

#include "sync/log_end.h"
#include "sync/replica.h"
#include "sync/state_loader.h"

namespace dws {

Result<Done> RunLog::read_on(std::stop_token stop) {
    const Result<std::uint64_t> end = listed_log_end(bucket_, run_);
    if (!end) return end.error();
    const Result<Done> read = read_new(stop);
    if (!read) return read.error();
    return check_log_end(*end, position().next_sequence);
}

Result<Done> RunLog::read_new(std::stop_token stop) {
    while (true) {  // as long as the log, which one writer made
        if (stop.stop_requested()) return Error{Fault::transport, "stopped"};
        Result<Record> record = reader_.next(stop);
        if (!record && record.error().fault == Fault::missing) break;
        if (!record) return record.error();
        versions_.add(*record, reader_.position().last_sha256);
        line_.add(std::move(*record));
    }
    versions_.set_jump_signers(reader_.jump_signers());
    return Done{};
}

Result<Bytes> RunLog::newest_words(const ArrayTable& table, std::stop_token stop) {
    Bytes words(table.layout().size_bytes());
    Replica replica(table, words);
    const Result<Done> loaded =
        load_version(bucket_, run_, versions_, replica, position().version, stop);
    if (!loaded) return loaded.error();
    return words;
}

}  // namespace dws
