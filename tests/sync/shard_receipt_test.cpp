#include "sync/ranks/shard_receipt.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "sync/bucket/bucket.h"
#include "tests/support/files.h"

namespace dws {
namespace {

// The worked example of FORMAT.md: rank 1 of 2 holds tiles 3 to 5.
ShardReceipt example() {
    const std::string sha256 = "0449b39b6b6ed523" + std::string(48, 'a');
    return {.run = "demo",
            .cut = {.epoch = 2,
                    .version = 43,
                    .base_version = 42,
                    .attempt = "102132435465768798a9bacbdcedfe0f"},
            .rank = 1,
            .ranks = 2,
            .range = {3, 3},
            .objects = {{"objects/delta-000043-0449b39b6b6ed523.safetensors", 368, sha256}},
            .changed_words = 2,
            .layout_hash = "a1802544af808e34ccea5ec21a37f7a6370b57080d130f25c6b7a2d99b3bbfb2",
            .change = {{0x0123456789abcdef, 0xfedcba9876543210}},
            .trainer_step = 45,
            .failure = "",
            .created_unix_s = 1'767'225'600.123};
}

const std::vector<ShardRange> kShards{{0, 3}, {3, 3}};

ReceiptPlace place_of_example() {
    return {.run = "demo",
            .cut = example().cut,
            .rank = 1,
            .shards = kShards,
            .layout_hash = example().layout_hash,
            .trainer_step = 45};
}

TEST(ShardReceipt, IsTheDocumentedBytes) {
    const auto golden = std::filesystem::path(SOURCE_ROOT) / "tests/golden/format_receipt.json";
    EXPECT_EQ(encode_receipt(example()), read_file(golden));
}

TEST(ShardReceipt, ComesBackAsItWas) {
    const Result<ShardReceipt> read = decode_receipt(encode_receipt(example()));
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(encode_receipt(*read), encode_receipt(example()));
    EXPECT_EQ(receipt_fault(*read, place_of_example()), "");
}

TEST(ShardReceipt, EveryCutAndEveryFlippedBitIsRefused) {
    const Bytes stored = encode_receipt(example());
    for (std::size_t length = 0; length < stored.size(); ++length) {
        const Result<ShardReceipt> read = decode_receipt(std::span(stored).first(length));
        ASSERT_FALSE(read) << "the first " << length << " bytes";
        EXPECT_EQ(read.error().fault, Fault::corrupt);
    }
    // Base64 hides most flips from the form: those are another receipt, which names another place
    // or other content; the record's digest is the judge of that.
    for (std::size_t bit = 0; bit < 8 * stored.size(); ++bit) {
        Bytes damaged = stored;
        damaged[bit / 8] ^= std::byte{1} << (bit % 8);
        const Result<ShardReceipt> read = decode_receipt(damaged);
        if (read) {
            EXPECT_EQ(encode_receipt(*read), damaged);
        }
    }
}

TEST(ShardReceipt, FieldsOutOfTheirLimitsAreNamed) {
    const auto refusal = [](const std::function<void(ShardReceipt&)>& bend) {
        ShardReceipt receipt = example();
        bend(receipt);
        const Result<ShardReceipt> read = decode_receipt(encode_receipt(receipt));
        return read ? "" : read.error().detail;
    };
    const auto expect = [&](const std::string& field, const auto& bend) {
        EXPECT_NE(refusal(bend).find("\"" + field + "\""), std::string::npos) << refusal(bend);
    };
    expect("run", [](auto& receipt) { receipt.run = "../demo"; });
    expect("version", [](auto& receipt) { receipt.cut.version = 0; });
    expect("base_version", [](auto& receipt) { receipt.cut.base_version = 43; });
    expect("attempt", [](auto& receipt) { receipt.cut.attempt = "1"; });
    expect("rank", [](auto& receipt) { receipt.rank = 2; });
    expect("ranks", [](auto& receipt) { receipt.ranks = kMaxRanks + 1; });
    expect("tiles", [](auto& receipt) { receipt.range.tiles = INT64_MAX; });
    expect("key", [](auto& receipt) { receipt.objects[0].key = "/etc"; });
    expect("layout_hash", [](auto& receipt) { receipt.layout_hash = ""; });
    expect("failure", [](auto& receipt) { receipt.failure = std::string(1'001, 'x'); });
}

TEST(ShardReceipt, OneOfAnotherPlaceIsTold) {
    const auto fault = [](const std::function<void(ShardReceipt&)>& bend) {
        ShardReceipt receipt = example();
        bend(receipt);
        return receipt_fault(receipt, place_of_example());
    };
    const auto expect = [&](const std::string& words, const auto& bend) {
        EXPECT_NE(fault(bend).find(words), std::string::npos) << fault(bend);
    };
    expect("run other", [](auto& receipt) { receipt.run = "other"; });
    expect("epoch 1, not 2", [](auto& receipt) { receipt.cut.epoch = 1; });
    expect("attempt", [](auto& receipt) { receipt.cut.attempt[0] = 'f'; });
    expect("version 44", [](auto& receipt) { receipt.cut.version = 44; });
    expect("on 41", [](auto& receipt) { receipt.cut.base_version = 41; });
    expect("rank 0", [](auto& receipt) { receipt.rank = 0; });
    expect("of 3", [](auto& receipt) { receipt.ranks = 3; });
    expect("other arrays", [](auto& receipt) { receipt.layout_hash[0] = 'f'; });
    expect("tiles", [](auto& receipt) { receipt.range = {2, 4}; });
    expect("tiles", [](auto& receipt) { receipt.range = {0, 3}; });
    expect("step 44", [](auto& receipt) { receipt.trainer_step = 44; });
    expect("changed words", [](auto& receipt) { receipt.changed_words = 4 * kTileWords; });
    expect("among its files", [](auto& receipt) { receipt.objects[0].key = "games/a/1"; });
    expect("reports: full", [](auto& receipt) { receipt.failure = "full"; });
}

TEST(ShardReceipt, KeysOfTwoAttemptsDiffer) {
    const Cut cut = example().cut;
    EXPECT_EQ(receipt_key("demo", cut, 1),
              "demo/receipts/000000000043-102132435465768798a9bacbdcedfe0f/1.json");
    EXPECT_TRUE(is_valid_key(receipt_key("demo", cut, kMaxRanks)));
}

}  // namespace
}  // namespace dws
