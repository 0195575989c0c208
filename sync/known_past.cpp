#include "sync/known_past.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "sync/parallel.h"
#include "sync/record.h"
#include "sync/sha256.h"

namespace dws {
namespace {

constexpr std::size_t kDigits = 64;
// A log of weeks has some 100,000 records: minutes at 20 ms each, instead of an hour.
constexpr std::size_t kReadsInFlight = 8;
constexpr std::size_t kRecordsAtOnce = 64;

}  // namespace

Result<Done> KnownPast::walk(std::stop_token stop) {
    while (end_ && walked() <= end_->sequence) {
        const std::uint64_t first = walked();
        const auto records = static_cast<std::size_t>(
            std::min<std::uint64_t>(kRecordsAtOnce, end_->sequence - first + 1));
        std::vector<Result<Bytes>> stored(records, Error{Fault::transport, "stopped"});
        for_each_piece(
            std::min(kReadsInFlight, records), records, [&](std::size_t, std::size_t index) {
                if (!stop.stop_requested())
                    stored[index] =
                        bucket_.get(log_key(run_, first + index), {.length = kMaxRecordBytes + 1});
            });
        for (std::size_t index = 0; index < records; ++index) {
            const Result<Done> taken = take(first + index, stored[index]);
            if (!taken) return taken;
        }
    }
    return Done{};
}

Result<Done> KnownPast::take(std::uint64_t sequence, const Result<Bytes>& stored) {
    const std::string key = log_key(run_, sequence);
    if (!stored && stored.error().fault == Fault::missing)
        return untrusted(sequence, "is not there");
    if (!stored) return stored.error();
    const Result<Record> record = decode_record(*stored);
    if (!record) return Error{record.error().fault, key + ": " + record.error().detail};
    const std::string before =
        hashes_.empty() ? std::string() : hashes_.substr(hashes_.size() - kDigits);
    if (record->previous_sha256 != before)
        return untrusted(sequence, "does not name the record before it");
    const std::string sha256 = sha256_hex(*stored);
    if (sequence == end_->sequence && sha256 != end_->sha256)
        return untrusted(sequence, "has SHA-256 " + sha256);
    hashes_ += sha256;
    return Done{};
}

bool KnownPast::is_record(std::uint64_t sequence, const std::string& sha256) const {
    return holds(sequence) && sequence < walked() &&
           hashes_.compare(static_cast<std::size_t>(sequence) * kDigits, kDigits, sha256) == 0;
}

std::uint64_t KnownPast::walked() const { return hashes_.size() / kDigits; }

Error KnownPast::untrusted(std::uint64_t sequence, const std::string& why) const {
    return {Fault::untrusted, fmt::format("{}: record {} {}, so the log does not lead to the known "
                                          "record {}",
                                          log_key(run_, sequence), sequence, why, end_->text())};
}

}  // namespace dws
