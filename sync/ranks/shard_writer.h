// One rank's share of a version: encodes and uploads the files of its shard, then writes the
// receipt that says so. Faults of transport are waited out here. Belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/identity.h"
#include "sync/array_table.h"
#include "sync/bucket/bucket.h"
#include "sync/codec/encoding.h"
#include "sync/pending.h"
#include "sync/ranks/shard_receipt.h"

namespace dws {

struct ShardOptions {
    std::string run;
    std::size_t rank = 0;
    std::vector<ShardRange> shards;      // (ranks,) the same on every rank
    Encoding encoding = Encoding::flat;  // a compact one writes flat tiles, whichever it is
    std::size_t file_bytes = 64u << 20;
    std::size_t files_in_flight = 3;  // encoded, hashed and sent side by side
    double retry_wait_s = 1;          // between attempts once the bucket's own retries are spent
    std::optional<Identity> signer = {};  // signs the receipts; one for all ranks
};

class ShardWriter {
public:
    // bucket and table are not owned and outlive this. fault: hears what is being waited out, on
    // any thread.
    ShardWriter(Bucket& bucket, const ArrayTable& table, ShardOptions options,
                std::function<void(const Error&)> fault)
        : bucket_(bucket), table_(table), options_(std::move(options)), fault_(std::move(fault)) {}

    // The shard's files are in the bucket; the receipt for them is not sent yet. Fault::transport:
    // stopped. Others are final, and a receipt has told rank 0.
    Result<ShardReceipt> upload(const Pending& pending, const Cut& cut, std::stop_token stop);
    // Fault::transport: stopped, and the receipt may be there or come later. Fault::superseded:
    // another process has written this rank's receipt of this attempt.
    Result<Done> send(const ShardReceipt& receipt, std::stop_token stop);

private:
    Result<Done> send_once(const std::string& key, const Bytes& stored);

    Bucket& bucket_;
    const ArrayTable& table_;
    const ShardOptions options_;
    const std::function<void(const Error&)> fault_;
};

}  // namespace dws
