// Rank 0's part: collects the receipts of an attempt, checks that they are whole and of one piece,
// and commits one log record with the files of all shards. Belongs to one thread at a time.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "sync/bucket/bucket.h"
#include "sync/chain.h"
#include "sync/doorbell.h"
#include "sync/pending.h"
#include "sync/ranks/shard_receipt.h"

namespace dws {

struct ShardCommitOptions {
    std::string run;
    std::vector<ShardRange> shards;  // (ranks,)
    DoorbellEnd doorbell = {};       // the broker's inner side; empty: none
    double receipt_wait_s = 60;      // for the others, once rank 0's own shard is uploaded
    std::chrono::milliseconds receipt_poll{100};
    std::size_t readers = 8;              // receipts asked for at once
    double retry_wait_s = 1;              // between attempts at the record
    std::optional<Identity> signer = {};  // signs the records; receipts must be signed by it too
};

class ShardCommitter {
public:
    // bucket and table are not owned and outlive this. fault: hears what is waited out and why an
    // attempt was given up, on any thread.
    ShardCommitter(Bucket& bucket, const ArrayTable& table, ShardCommitOptions options,
                   std::function<void(const Error&)> fault, ChainWriter chain)
        : bucket_(bucket),
          table_(table),
          options_(std::move(options)),
          fault_(std::move(fault)),
          chain_(std::move(chain)),
          ringer_(options_.doorbell) {}

    // Of a reign that begins. Tries once: who starts has somebody to tell.
    Result<Done> begin_epoch();

    // All shards or none. Empty: the attempt is given up, nothing was committed and nothing will
    // be. From the moment the record is sent the attempt is not given up any more: what is in doubt
    // is waited out. own: rank 0's pending steps; their games go into the record. Fault::transport:
    // stopped. Others are final.
    Result<std::optional<Record>> commit(const Cut& cut, const Pending& own, std::stop_token stop);
    Result<Done> write_end(std::stop_token stop);

    const ChainPosition& position() const { return chain_.position(); }

private:
    Result<std::vector<ShardReceipt>> collect(const Cut& cut, std::int64_t trainer_step,
                                              std::stop_token stop);
    Result<ShardReceipt> wait_for(const ReceiptPlace& place, double deadline_s,
                                  std::stop_token stop);
    std::string signature_fault_of(const Bytes& receipt) const;
    Record draft_of(RecordKind kind) const;
    Result<Record> append(const Record& draft, std::stop_token stop);

    Bucket& bucket_;
    const ArrayTable& table_;
    const ShardCommitOptions options_;
    const std::function<void(const Error&)> fault_;
    ChainWriter chain_;
    DoorbellRinger ringer_;
};

}  // namespace dws
