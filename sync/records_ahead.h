// The stored bytes of a log's records, one after another. A log that goes on far is read several
// records at a time; at the end of a live one a record is one get, and so is a look whether there
// is one.
//
// A million records at 20 ms each are some 20 minutes so, and 6 hours one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/bucket/bucket.h"

namespace dws {

class RecordsAhead {
public:
    // bucket is not owned and outlives this.
    RecordsAhead(Bucket& bucket, std::string run) : bucket_(bucket), run_(std::move(run)) {}

    // Record `sequence`, at most a byte more than a record may have, so that a longer one is seen
    // to be longer. A caller that asks in order has the next ones read ahead; one that asks for the
    // same again, because the bytes were not sound, gets new ones. What could not be read ahead is
    // read in its turn: faults are those of a get of this one record. Nothing is read ahead once
    // stopped.
    Result<Bytes> get(std::uint64_t sequence, const std::stop_token& stop);

private:
    Result<Bytes> get_several(std::uint64_t first);

    Bucket& bucket_;
    const std::string run_;
    std::map<std::uint64_t, Bytes> ahead_;  // neighbours, the next to be asked for among them
    std::uint64_t next_ = 0;                // what a caller that asks in order asks for
    std::size_t found_in_a_row_ = 0;
};

}  // namespace dws
