#include "sync/ranks/shard_receipt.h"

#include <fmt/format.h>

#include "sync/envelope.h"

namespace dws {
namespace {

constexpr EnvelopeKind kReceipt{.payload_type = "application/vnd.dws.receipt+json",
                                .format = "dws-receipt",
                                .format_version = 1,
                                .name = "shard receipt"};
constexpr std::size_t kAttemptDigits = 32;  // 16 random bytes

ShardRange read_range(FieldReader& reader) {
    ShardRange range;
    range.first_tile = reader.natural("first_tile", INT64_MAX);
    range.tiles = reader.natural("tiles", INT64_MAX - range.first_tile);
    return range;
}

Cut read_cut(FieldReader& reader) {
    Cut cut;
    cut.epoch = reader.natural("epoch", INT64_MAX);
    cut.version = reader.integer("version", 1);
    cut.base_version = reader.integer("base_version", 0);
    if (cut.base_version >= cut.version) refuse("base_version", "is not below version");
    cut.attempt = reader.hex("attempt", kAttemptDigits);
    return cut;
}

ShardReceipt read_receipt(FieldReader& reader) {
    ShardReceipt receipt;
    receipt.run = reader.key("run");
    receipt.cut = read_cut(reader);
    receipt.ranks = reader.natural("ranks", kMaxRanks);
    receipt.rank = reader.natural("rank", kMaxRanks);
    if (receipt.rank >= receipt.ranks) refuse("rank", "is not below ranks");
    receipt.range = read_range(reader);
    receipt.objects = read_objects(reader);
    receipt.changed_words = reader.natural("changed_words", INT64_MAX);
    receipt.layout_hash = reader.sha256("layout_hash");
    receipt.change = read_digest(reader);
    receipt.trainer_step = reader.integer("trainer_step", 0);
    receipt.failure = reader.text("failure");
    if (receipt.failure.size() > kMaxFailureBytes)
        refuse("failure", fmt::format("has more than {} bytes", kMaxFailureBytes));
    receipt.created_unix_s = read_created(reader);
    return receipt;
}

// What uploading it must have called it.
std::string name_of(const Cut& cut, const ObjectRef& object) {
    return fmt::format("objects/{}-{}.safetensors", shard_stem(cut), object.sha256.substr(0, 16));
}

std::string place_fault(const ShardReceipt& receipt, const ReceiptPlace& place) {
    if (receipt.run != place.run) return fmt::format("is of run {}", receipt.run);
    if (receipt.cut.epoch != place.cut.epoch)
        return fmt::format("is of epoch {}, not {}", receipt.cut.epoch, place.cut.epoch);
    if (receipt.cut.attempt != place.cut.attempt)
        return fmt::format("is of attempt {}", receipt.cut.attempt);
    if (receipt.cut != place.cut)
        return fmt::format("is of version {} on {}", receipt.cut.version, receipt.cut.base_version);
    if (receipt.rank != place.rank || receipt.ranks != place.shards.size())
        return fmt::format("is of rank {} of {}", receipt.rank, receipt.ranks);
    return {};
}

std::string content_fault(const ShardReceipt& receipt, const ReceiptPlace& place) {
    if (receipt.layout_hash != place.layout_hash) return "is of other arrays";
    const ShardRange& range = place.shards[place.rank];
    if (receipt.range != range)
        return fmt::format("holds {} tiles from {} on, not {} from {}", receipt.range.tiles,
                           receipt.range.first_tile, range.tiles, range.first_tile);
    if (receipt.trainer_step != place.trainer_step)
        return fmt::format("was cut at step {}, not {}", receipt.trainer_step, place.trainer_step);
    if (receipt.changed_words / kTileWords > range.tiles)
        return fmt::format("has {} changed words in {} tiles", receipt.changed_words, range.tiles);
    for (const ObjectRef& object : receipt.objects)
        if (object.key != name_of(place.cut, object))
            return fmt::format("names {} among its files", object.key);
    return {};
}

}  // namespace

Bytes encode_receipt(const ShardReceipt& receipt) {
    ObjectWriter payload = begin_payload(kReceipt);
    payload.text("run", receipt.run)
        .natural("epoch", receipt.cut.epoch)
        .integer("version", receipt.cut.version)
        .integer("base_version", receipt.cut.base_version)
        .text("attempt", receipt.cut.attempt)
        .natural("ranks", receipt.ranks)
        .natural("rank", receipt.rank)
        .natural("first_tile", receipt.range.first_tile)
        .natural("tiles", receipt.range.tiles);
    write_objects(payload, receipt.objects);
    payload.natural("changed_words", receipt.changed_words)
        .text("layout_hash", receipt.layout_hash)
        .text("digest", receipt.change.hex())
        .integer("trainer_step", receipt.trainer_step)
        .text("failure", receipt.failure);
    write_created(payload, receipt.created_unix_s);
    return close_envelope(kReceipt, payload);
}

Result<ShardReceipt> decode_receipt(std::span<const std::byte> stored) {
    return open_envelope<ShardReceipt>(kReceipt, stored, read_receipt, encode_receipt);
}

std::string receipt_key(const std::string& run, const Cut& cut, std::size_t rank) {
    return fmt::format("{}/receipts/{:012}-{}/{}.json", run, cut.version, cut.attempt, rank);
}

std::string receipt_fault(const ShardReceipt& receipt, const ReceiptPlace& place) {
    std::string fault = place_fault(receipt, place);
    if (fault.empty() && !receipt.failure.empty()) fault = "reports: " + receipt.failure;
    return fault.empty() ? content_fault(receipt, place) : fault;
}

std::string shard_stem(const Cut& cut) { return fmt::format("delta-{:06d}", cut.version); }

}  // namespace dws
