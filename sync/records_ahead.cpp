#include "sync/records_ahead.h"

#include <vector>

#include "sync/parallel.h"
#include "sync/record.h"

namespace dws {
namespace {

// Who keeps up with a live log finds a record at a time and seldom two: it never reads ahead.
constexpr std::size_t kFoundBefore = 4;
// A thread each. More would be a burden for a store that many begin to follow at once.
constexpr std::size_t kReadsInFlight = 16;
// Of a record that is read ahead, so that all of them take 16 MiB at most. A record has some
// hundreds of bytes; one that may be longer is read in its turn.
constexpr std::uint64_t kMaxAheadBytes = 1u << 20;
static_assert(kMaxAheadBytes < kMaxRecordBytes);

}  // namespace

Result<Bytes> RecordsAhead::get(std::uint64_t sequence, const std::stop_token& stop) {
    if (sequence != next_) {  // what was read behind a record that is asked for again is old
        found_in_a_row_ = 0;
        ahead_.clear();
    }
    next_ = sequence + 1;
    if (auto read = ahead_.extract(sequence)) return std::move(read.mapped());
    const bool has_more = found_in_a_row_ >= kFoundBefore && ahead_.empty();
    if (has_more && !stop.stop_requested()) return get_several(sequence);
    Result<Bytes> stored = bucket_.get(log_key(run_, sequence), {.length = kMaxRecordBytes + 1});
    found_in_a_row_ = stored ? found_in_a_row_ + 1 : 0;
    return stored;
}

Result<Bytes> RecordsAhead::get_several(std::uint64_t first) {
    std::vector<Result<Bytes>> stored(kReadsInFlight, Error{Fault::transport, "not read"});
    for_each_piece(kReadsInFlight, kReadsInFlight, [&](std::size_t, std::size_t index) {
        const std::uint64_t length = index == 0 ? kMaxRecordBytes + 1 : kMaxAheadBytes;
        stored[index] = bucket_.get(log_key(run_, first + index), {.length = length});
    });
    for (std::size_t index = 1; index < kReadsInFlight; ++index) {
        if (!stored[index] || stored[index]->size() == kMaxAheadBytes) {
            found_in_a_row_ = 0;  // the end, or a store in trouble: one by one again
            break;
        }
        ahead_.emplace(first + index, *std::move(stored[index]));
    }
    return std::move(stored.front());
}

}  // namespace dws
