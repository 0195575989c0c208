// A rank's word that its shard of a version is in the bucket: the files, and what they add to the
// version's digest. Written last, only if absent, under a key that rank 0 knows beforehand. A
// receipt commits nothing; what it says counts once rank 0's log record says the same.
//
//   <run>/receipts/000000000043-<attempt>/<rank>.json
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/digest.h"
#include "sync/ranks/shard.h"
#include "sync/record.h"

namespace dws {

// Limits of what is accepted from outside (FORMAT.md, "Shard receipt"): ten times the ranks of the
// largest training jobs known, and a clause for a log's line.
inline constexpr std::size_t kMaxRanks = 1'000'000;
inline constexpr std::size_t kMaxFailureBytes = 1'000;

struct ShardReceipt {
    std::string run;
    Cut cut;
    std::size_t rank = 0;
    std::size_t ranks = 1;
    ShardRange range;
    std::vector<ObjectRef> objects;
    std::uint64_t changed_words = 0;
    std::string layout_hash;
    Digest change;                  // what the shard adds to the base version's digest
    std::int64_t trainer_step = 0;  // after the step that was cut; the same on every rank
    std::string failure;            // why this shard cannot be had; empty: it is there
    double created_unix_s = 0;      // a label for people
};

// Its bytes: like a log record's (DSSE envelope, one form).
Bytes encode_receipt(const ShardReceipt& receipt);
// Fault::corrupt, naming the field, for anything that is not exactly such a receipt.
Result<ShardReceipt> decode_receipt(std::span<const std::byte> stored);

std::string receipt_key(const std::string& run, const Cut& cut, std::size_t rank);

// What rank 0 knows of a rank's receipt before it has read it.
struct ReceiptPlace {
    std::string run;
    Cut cut;
    std::size_t rank;
    std::span<const ShardRange> shards;  // (ranks,)
    std::string layout_hash;
    std::int64_t trainer_step;
};

// Why the receipt is not the one that belongs there; empty when it is. A reported failure is one.
std::string receipt_fault(const ShardReceipt& receipt, const ReceiptPlace& place);

// "delta-000043": what the files of a version's shards are called before their hash.
std::string shard_stem(const Cut& cut);

}  // namespace dws
