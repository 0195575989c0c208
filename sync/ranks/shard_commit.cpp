#include "sync/ranks/shard_commit.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "base/clock.h"
#include "base/require.h"
#include "base/stop_signal.h"
#include "sync/envelope.h"
#include "sync/parallel.h"

namespace dws {

Result<Done> ShardCommitter::begin_epoch() {
    const Result<Record> record = chain_.commit(draft_of(RecordKind::epoch));
    if (!record) return record.error();
    ringer_.ring("log", "epoch");
    return Done{};
}

Result<std::optional<Record>> ShardCommitter::commit(const Cut& cut, const Pending& own,
                                                     std::stop_token stop) {
    require(cut.base_version == position().version, "an attempt builds on the log's version");
    const Result<std::vector<ShardReceipt>> receipts = collect(cut, own.trainer_step, stop);
    if (stop.stop_requested()) return Error{Fault::transport, "stopped before it was committed"};
    if (!receipts) {
        if (fault_) fault_(receipts.error());
        return std::optional<Record>();
    }
    Record draft = draft_of(RecordKind::delta);
    draft.version = cut.version;
    draft.base_version = cut.base_version;
    draft.trainer_step = own.trainer_step;
    draft.games = own.games;
    draft.steps = own.trained;
    for (const ShardReceipt& receipt : *receipts) {
        draft.objects.insert(draft.objects.end(), receipt.objects.begin(), receipt.objects.end());
        draft.changed_words += receipt.changed_words;
        draft.digest += receipt.change;
    }
    Result<Record> record = append(draft, stop);
    if (!record) return record.error();
    ringer_.ring("log", fmt::format("version {}", record->version));
    return std::optional<Record>(std::move(*record));
}

Result<Done> ShardCommitter::write_end(std::stop_token stop) {
    const Result<Record> record = append(draft_of(RecordKind::end), stop);
    if (!record) return record.error();
    ringer_.ring("log", "end");
    return Done{};
}

// In the order of the ranks. Any fault ends the attempt; the first one is told.
Result<std::vector<ShardReceipt>> ShardCommitter::collect(const Cut& cut, std::int64_t trainer_step,
                                                          std::stop_token stop) {
    const double deadline_s = monotonic_s() + options_.receipt_wait_s;
    std::stop_source given_up;
    const std::stop_callback stopping(stop, [&] { given_up.request_stop(); });
    std::vector<ShardReceipt> receipts(options_.shards.size());
    std::mutex mutex;
    std::optional<Error> first_fault;  // guarded by mutex
    const std::size_t readers = std::min(options_.readers, receipts.size());
    for_each_piece(readers, receipts.size(), [&](std::size_t, std::size_t rank) {
        const ReceiptPlace place{.run = options_.run,
                                 .cut = cut,
                                 .rank = rank,
                                 .shards = options_.shards,
                                 .layout_hash = table_.layout_hash(),
                                 .trainer_step = trainer_step};
        Result<ShardReceipt> receipt = wait_for(place, deadline_s, given_up.get_token());
        if (receipt) {
            receipts[rank] = std::move(*receipt);
            return;
        }
        const std::scoped_lock lock(mutex);
        if (!first_fault) first_fault = receipt.error();
        given_up.request_stop();
    });
    if (first_fault) return *first_fault;
    return receipts;
}

// What a stranger wrote would else be committed, and signed, as a part of the version.
std::string ShardCommitter::signature_fault_of(const Bytes& receipt) const {
    if (!options_.signer) return {};
    const PublicIdentity expected = options_.signer->shared();
    return signature_fault(receipt, std::span(&expected, 1));
}

// A receipt that is there and wrong stays so: its key is taken. Everything else may still come.
Result<ShardReceipt> ShardCommitter::wait_for(const ReceiptPlace& place, double deadline_s,
                                              std::stop_token stop) {
    const std::string key = receipt_key(place.run, place.cut, place.rank);
    const auto given_up = [&](Fault fault, const std::string& why) {
        return Error{fault, fmt::format("version {} is given up: {} {}; its changes go into the "
                                        "next attempt",
                                        place.cut.version, key, why)};
    };
    const double poll_s = 1e-3 * static_cast<double>(options_.receipt_poll.count());
    while (true) {
        const Result<Bytes> stored = bucket_.get(key, {.length = kMaxRecordBytes + 1});
        if (stored) {
            Result<ShardReceipt> receipt = decode_receipt(*stored);
            if (!receipt) return given_up(Fault::corrupt, receipt.error().detail);
            const std::string stranger = signature_fault_of(*stored);
            if (!stranger.empty()) return given_up(Fault::untrusted, stranger);
            const std::string fault = receipt_fault(*receipt, place);
            if (!fault.empty()) return given_up(Fault::corrupt, fault);
            return receipt;
        }
        if (stored.error().fault != Fault::missing && stored.error().fault != Fault::transport)
            return given_up(stored.error().fault, stored.error().detail);
        if (monotonic_s() >= deadline_s)
            return given_up(Fault::missing,
                            fmt::format("has not come within {} s", options_.receipt_wait_s));
        if (sleep_or_stop(poll_s, stop)) return given_up(Fault::transport, "was no longer awaited");
    }
}

// What holds when the record changes nothing.
Record ShardCommitter::draft_of(RecordKind kind) const {
    Record draft;
    draft.kind = kind;
    draft.version = position().version;
    draft.total_words = table_.words();
    draft.layout_hash = table_.layout_hash();
    draft.digest = position().digest;
    draft.trainer_step = position().trainer_step;
    return draft;
}

Result<Record> ShardCommitter::append(const Record& draft, std::stop_token stop) {
    while (true) {
        Result<Record> record = chain_.is_in_doubt() ? chain_.settle() : chain_.commit(draft);
        if (record || record.error().fault != Fault::transport) return record;
        if (fault_) fault_(record.error());
        if (sleep_or_stop(options_.retry_wait_s, stop)) return record;
    }
}

}  // namespace dws
