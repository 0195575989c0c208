// The log of a run as the trainer reads it that goes on with it.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/array_table.h"
#include "sync/bucket/bucket.h"
#include "sync/chain.h"
#include "sync/trust.h"
#include "sync/version_history.h"
#include "trainer_bridge/live_line.h"

namespace dws {

class RunLog {
public:
    // bucket is not owned and outlives this. keep_from: as LiveLine says.
    RunLog(Bucket& bucket, std::string run, const Trust& trust, std::uint64_t keep_from)
        : bucket_(bucket), run_(std::move(run)), reader_(bucket, run_, trust), line_(keep_from) {}

    // Every record up to the one that is not there yet. Errors: as ChainReader says.
    // Fault::corrupt: a record in the middle is gone, and writing there would fork the log.
    // Fault::transport also when stopped.
    Result<Done> read_on(std::stop_token stop);
    // What has come since, without asking whether a record in the middle is gone.
    Result<Done> read_new(std::stop_token stop);

    // The words of the newest version, by the cheapest road, a compactor's jumps included; every
    // hash and digest on the way is checked. Errors: as load_version() says.
    Result<Bytes> newest_words(const ArrayTable& table, std::stop_token stop);

    const ChainPosition& position() const { return reader_.position(); }
    LiveLine& line() { return line_; }

private:
    Bucket& bucket_;
    const std::string run_;
    ChainReader reader_;
    LiveLine line_;
    VersionHistory versions_;
};

}  // namespace dws
