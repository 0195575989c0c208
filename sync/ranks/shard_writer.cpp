#include "sync/ranks/shard_writer.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "base/require.h"
#include "base/stop_signal.h"
#include "sync/envelope.h"
#include "sync/file_upload.h"

namespace dws {
namespace {

std::string shortened(std::string text) {
    if (text.size() > kMaxFailureBytes) text.resize(kMaxFailureBytes);
    return text;
}

}  // namespace

Result<ShardReceipt> ShardWriter::upload(const Pending& pending, const Cut& cut,
                                         std::stop_token stop) {
    const ShardRange& range = options_.shards[options_.rank];
    ShardReceipt receipt{.run = options_.run,
                         .cut = cut,
                         .rank = options_.rank,
                         .ranks = options_.shards.size(),
                         .range = range,
                         .objects = {},
                         .changed_words = count(pending.changes),
                         .layout_hash = table_.layout_hash(),
                         .change = {},
                         .trainer_step = pending.trainer_step,
                         .failure = {},
                         .created_unix_s = std::round(1e3 * wall_s()) / 1e3};
    for (const auto& [tile, changes] : pending.changes) {
        require(range.holds(tile), "a rank's changes are of its own shard");
        receipt.change += digest_change(table_, tile, changes);
    }
    FileUpload files(bucket_,
                     {.run = options_.run,
                      .stem = shard_stem(cut),
                      .files_in_flight = options_.files_in_flight,
                      .retry_wait_s = options_.retry_wait_s,
                      .fault = fault_},
                     stop);
    encode_shard(table_, pending.changes, {cut.version, cut.base_version}, options_.encoding,
                 options_.file_bytes, [&](Bytes file) { return files.add(std::move(file)); });
    Result<std::vector<ObjectRef>> objects = files.finish();
    if (stop.stop_requested()) return Error{Fault::transport, "stopped before its receipt"};
    if (objects) {
        receipt.objects = std::move(*objects);
        return receipt;
    }
    if (objects.error().fault == Fault::transport) return objects.error();
    receipt.failure = shortened(objects.error().detail);
    const Result<Done> told = send(receipt, stop);
    if (!told && fault_) fault_(told.error());
    return objects.error();
}

Result<Done> ShardWriter::send(const ShardReceipt& receipt, std::stop_token stop) {
    const std::string key = receipt_key(options_.run, receipt.cut, options_.rank);
    Bytes stored = encode_receipt(receipt);
    if (options_.signer) stored = sign_envelope(stored, *options_.signer);
    while (true) {
        Result<Done> sent = send_once(key, stored);
        if (sent || sent.error().fault != Fault::transport) return sent;
        if (fault_) fault_(sent.error());
        if (sleep_or_stop(options_.retry_wait_s, stop)) return sent;
    }
}

// The key may be taken by an earlier try of this very receipt whose answer was lost.
Result<Done> ShardWriter::send_once(const std::string& key, const Bytes& stored) {
    const Result<PutOutcome> outcome = bucket_.put_if_absent(key, stored);
    if (!outcome) return outcome.error();
    if (*outcome == PutOutcome::created) return Done{};
    const Result<Bytes> found = bucket_.get(key, {.length = kMaxRecordBytes + 1});
    if (!found && found.error().fault == Fault::missing)
        return Error{Fault::transport, key + " is said to exist and cannot be read"};
    if (!found) return found.error();
    if (!std::ranges::equal(*found, stored))
        return Error{Fault::superseded, key + " was written by another process of this rank"};
    return Done{};
}

}  // namespace dws
