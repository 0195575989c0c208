#include "sync/checkpoint/manifest.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/checkpoints.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

const std::string kKey = "objects/file-0123456789abcdef";

CheckpointManifest some_manifest() {
    const ScratchFolder folder;
    write_checkpoint(folder / "in", 5);
    return {open_checkpoint(folder / "in")->shards, {{"config.json", kKey}, {"format", kKey}}};
}

// A manifest's file with this metadata besides and this array.
Bytes crafted(const Metadata& more, const std::string& path, std::span<const std::byte> header) {
    Metadata metadata{{"format", "dws_files"}, {"format_version", "1"}};
    for (const auto& [name, text] : more) metadata[name] = text;
    const TensorView tensor{{path, DType::kU8, {static_cast<std::int64_t>(header.size())}}, header};
    return write_safetensors({&tensor, 1}, metadata);
}

TEST(CheckpointManifest, ComesBackAsItWas) {
    const CheckpointManifest manifest = some_manifest();
    const Bytes object = encode_manifest(manifest);
    const Result<CheckpointManifest> read = decode_manifest(object);
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(read->files, manifest.files);
    ASSERT_EQ(read->shards.size(), 2u);
    for (std::size_t index = 0; index < 2; ++index) {
        EXPECT_EQ(read->shards[index].path, manifest.shards[index].path);
        EXPECT_EQ(read->shards[index].header, manifest.shards[index].header);
        EXPECT_EQ(read->shards[index].parsed.file_bytes, manifest.shards[index].parsed.file_bytes);
    }
    EXPECT_EQ(encode_manifest(*read), object);
}

TEST(CheckpointManifest, ATruncatedOneIsCorrupt) {
    const Bytes object = encode_manifest(some_manifest());
    for (std::size_t bytes = 0; bytes < object.size(); bytes += 7) {
        const auto read = decode_manifest(std::span(object).first(bytes));
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().fault, Fault::corrupt);
    }
}

TEST(CheckpointManifest, PathsThatLeadOutAreRefused) {
    const Bytes header = some_manifest().shards.front().header;
    EXPECT_TRUE(decode_manifest(crafted({}, "model.safetensors", header)));
    for (const std::string path : {"../x", "/x", "a/../x", "a\\b", "a\nb"}) {
        EXPECT_FALSE(decode_manifest(crafted({}, path, header))) << path;
        EXPECT_FALSE(decode_manifest(crafted({{"file/" + path, kKey}}, "m", header))) << path;
    }
    EXPECT_FALSE(decode_manifest(crafted({{"file/m", kKey}}, "m", header)));  // twice
}

TEST(CheckpointManifest, KeysOfOtherObjectsAreRefused) {
    const Bytes header = some_manifest().shards.front().header;
    EXPECT_TRUE(decode_manifest(crafted({{"file/a", kKey}}, "m", header)));
    for (const std::string key : {"log/0.json", "objects/anchor-000000-0", "../objects/file-0", "",
                                  "objects/file-a/../../log/x"})
        EXPECT_FALSE(decode_manifest(crafted({{"file/a", key}}, "m", header))) << key;
}

TEST(CheckpointManifest, AHeaderThatIsNoneIsRefused) {
    Bytes header = some_manifest().shards.front().header;
    EXPECT_FALSE(decode_manifest(crafted({}, "m", {})));
    EXPECT_FALSE(decode_manifest(crafted({}, "m", std::span(header).first(header.size() - 1))));
    header.push_back(std::byte{' '});
    EXPECT_FALSE(decode_manifest(crafted({}, "m", header)));
    EXPECT_FALSE(decode_manifest(crafted({{"format_version", "2"}}, "m", {})));
}

// Sizes are claims here: no file stands behind them.
TEST(CheckpointManifest, AClaimOfMoreThanMemoryIsRefused) {
    const std::string json = R"({"a":{"dtype":"U8","shape":[4611686018427387904],)"
                             R"("data_offsets":[0,4611686018427387904]}})";
    Bytes header(8);
    header[0] = static_cast<std::byte>(json.size());
    for (const char letter : json) header.push_back(static_cast<std::byte>(letter));
    const Result<CheckpointManifest> read = decode_manifest(crafted({}, "m", header));
    ASSERT_TRUE(read);
    EXPECT_FALSE(table_of(read->shards));
}

}  // namespace
}  // namespace dws
