#include "sync/checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "tests/support/checkpoints.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

namespace fs = std::filesystem;

class OpenCheckpoint : public testing::Test {
protected:
    void SetUp() override { write_checkpoint(path(), 1); }
    fs::path path() const { return folder_ / "model"; }
    // The fault's text; empty: it opened.
    std::string fault() const {
        const Result<Checkpoint> opened = open_checkpoint(path());
        return opened ? "" : opened.error().detail;
    }
    void expect_fault(const std::string& part) const {
        EXPECT_NE(fault().find(part), std::string::npos) << fault();
    }
    const ScratchFolder folder_;
    const fs::path first_ = path() / "model-00001-of-00002.safetensors";
    const fs::path index_ = path() / "model.safetensors.index.json";
};

TEST_F(OpenCheckpoint, TheTableIsSortedAndWideElementsAreTwoWords) {
    const Result<Checkpoint> opened = open_checkpoint(path());
    ASSERT_TRUE(opened) << opened.error().detail;
    const std::vector<TensorSpec> expected{
        {"a.scale", DType::kF32, {11}},     {"m.codes", DType::kU8, {1'001}},
        {"m.empty", DType::kBF16, {0, 4}},  {"m.scalar", DType::kU32, {2}},
        {"position", DType::kU32, {37, 2}}, {"z.weight", DType::kBF16, {300, 250}}};
    EXPECT_EQ(opened->table.layout().specs(), expected);
    EXPECT_EQ(opened->shards.size(), 2u);
    EXPECT_EQ(opened->others.size(), 5u);
}

TEST_F(OpenCheckpoint, AnotherWayToCutItIsTheSameTableAndWords) {
    const Result<Checkpoint> cut = open_checkpoint(path());
    ASSERT_TRUE(cut);
    const Bytes first = read_file(first_);
    const Bytes second = read_file(path() / "model-00002-of-00002.safetensors");
    std::vector<TensorView> all;
    const auto views = {SafetensorsView::parse(second), SafetensorsView::parse(first)};
    for (const auto& view : views)
        for (const TensorView& tensor : view->tensors()) all.push_back(tensor);
    write_file(folder_ / "one.safetensors", write_safetensors(all, {}));
    const Result<Checkpoint> whole = open_checkpoint(folder_ / "one.safetensors");
    ASSERT_TRUE(whole) << whole.error().detail;
    EXPECT_FALSE(whole->is_folder);
    EXPECT_EQ(whole->table.layout_hash(), cut->table.layout_hash());
    const Result<Bytes> left = read_words(*cut, {});
    const Result<Bytes> right = read_words(*whole, {});
    ASSERT_TRUE(left && right);
    EXPECT_EQ(*left, *right);
}

TEST_F(OpenCheckpoint, WhatIsNotThereIsMissing) {
    const Result<Checkpoint> opened = open_checkpoint(folder_ / "none");
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().fault, Fault::missing);
    EXPECT_NE(opened.error().detail.find("none"), std::string::npos);
}

TEST_F(OpenCheckpoint, AnArrayInTwoFilesIsRefused) {
    fs::remove(index_);
    Random random(2);
    write_shard(path() / "extra.safetensors", {{"a.scale", DType::kF32, {11}}}, random);
    expect_fault("array a.scale is in extra.safetensors and in model-00001-of-00002.safetensors");
}

TEST_F(OpenCheckpoint, AFileBesideTheIndexIsCarriedAlong) {
    Random random(2);
    write_shard(path() / "extra.safetensors", {{"a.scale", DType::kF32, {11}}}, random);
    const Result<Checkpoint> opened = open_checkpoint(path());
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_EQ(opened->shards.size(), 2u);
    EXPECT_EQ(opened->others.size(), 6u);
}

TEST_F(OpenCheckpoint, AnIndexThatNamesAMissingFileIsRefused) {
    fs::remove(first_);
    expect_fault("names model-00001-of-00002.safetensors, which is not there");
}

TEST_F(OpenCheckpoint, AnIndexThatNamesAMissingArrayIsRefused) {
    write_text(index_, R"({"weight_map":{"ghost":"model-00001-of-00002.safetensors"}})");
    expect_fault("says array ghost is in model-00001-of-00002.safetensors, which lacks it");
}

TEST_F(OpenCheckpoint, AnIndexThatLeadsOutIsRefused) {
    Random random(2);
    write_shard(folder_ / "out.safetensors", {{"a", DType::kF32, {1}}}, random);
    for (const std::string name : {"../out.safetensors", "/out.safetensors", "config.json"}) {
        write_text(index_, R"({"weight_map":{"a":")" + name + R"("}})");
        expect_fault("no safe file name");
    }
}

TEST_F(OpenCheckpoint, AnIndexOfAnotherFormIsRefused) {
    for (const std::string text : {"", "[]", "{", "{\"weight_map\":3}", "{\"weight_map\":[]}",
                                   "{\"weight_map\":{\"a\":1}}", "\xff"}) {
        write_text(index_, text);
        expect_fault("model.safetensors.index.json: ");
    }
}

TEST_F(OpenCheckpoint, AFolderWithoutWeightsIsRefused) {
    fs::remove_all(path());
    write_text(path() / "config.json", "{}");
    expect_fault("holds no .safetensors file");
}

TEST_F(OpenCheckpoint, ATruncatedFileIsNamed) {
    const Bytes whole = read_file(first_);
    for (const std::size_t bytes :
         {std::size_t{0}, std::size_t{7}, std::size_t{100}, whole.size() - 1}) {
        write_file(first_, std::span(whole).first(bytes));
        expect_fault("model-00001-of-00002.safetensors: safetensors: ");
    }
}

TEST_F(OpenCheckpoint, AFileThatChangesMeanwhileIsNoticed) {
    const Result<Checkpoint> opened = open_checkpoint(path());
    ASSERT_TRUE(opened);
    fs::resize_file(first_, fs::file_size(first_) - 1);
    const Result<Bytes> words = read_words(*opened, {});
    ASSERT_FALSE(words);
    EXPECT_NE(words.error().detail.find("has changed"), std::string::npos);
}

TEST_F(OpenCheckpoint, LinksLeadToTheCacheAndNowhereElse) {
    // models--x/snapshots/1/config.json -> ../../blobs/abc
    const fs::path snapshot = folder_ / "models--x/snapshots/1";
    write_checkpoint(snapshot, 1);
    fs::create_directories(folder_ / "models--x/blobs");
    fs::rename(snapshot / "config.json", folder_ / "models--x/blobs/abc");
    fs::create_symlink("../../blobs/abc", snapshot / "config.json");
    const Result<Checkpoint> cached = open_checkpoint(snapshot);
    ASSERT_TRUE(cached) << cached.error().detail;
    EXPECT_EQ(cached->others.size(), 5u);

    write_text(folder_ / "secret", "s");
    fs::create_symlink(folder_ / "secret", path() / "notes.txt");
    expect_fault("is a link out of the folder");
    fs::remove(path() / "notes.txt");
    fs::create_symlink(path() / "nothing", path() / "notes.txt");
    expect_fault("leads nowhere");
    fs::remove(path() / "notes.txt");
    fs::create_directory_symlink(path() / "original", path() / "again");
    expect_fault("is a link to no file");
}

TEST_F(OpenCheckpoint, FoldersOfToolsStayBehind) {
    write_text(path() / ".git/objects/1", "x");
    write_text(path() / ".cache/huggingface/x.metadata", "x");
    write_text(path() / ".gitattributes", "x");
    const Result<Checkpoint> opened = open_checkpoint(path());
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->others.size(), 6u);
}

TEST_F(OpenCheckpoint, ReadingCanBeStopped) {
    const Result<Checkpoint> opened = open_checkpoint(path());
    ASSERT_TRUE(opened);
    const Result<Bytes> words = read_words(*opened, [](std::uint64_t) { return false; });
    ASSERT_FALSE(words);
    EXPECT_EQ(words.error().fault, Fault::transport);
}

ArrayTable table_with(std::vector<TensorSpec> specs) {
    return *ArrayTable::make(TensorLayout(std::move(specs)));
}

TEST(CheckpointTable, TheFirstDifferenceIsNamed) {
    const ArrayTable table = table_with({{"a", DType::kBF16, {2, 3}}, {"b", DType::kBF16, {4}}});
    EXPECT_FALSE(first_difference(table, "L", table, "R"));
    EXPECT_EQ(
        first_difference(table, "L",
                         table_with({{"a", DType::kBF16, {3, 2}}, {"b", DType::kBF16, {4}}}), "R"),
        "array a is BF16 [2,3] in L and BF16 [3,2] in R");
    EXPECT_EQ(first_difference(table, "L", table_with({{"a", DType::kBF16, {2, 3}}}), "R"),
              "array b is in L and not in R");
    EXPECT_EQ(first_difference(table_with({{"a", DType::kBF16, {2, 3}}}), "L", table, "R"),
              "array b is in R and not in L");
}

TEST(CheckpointTable, TheDigestIsThatOfAllTilesWhateverTheThreads) {
    const ArrayTable table =
        table_with({{"a", DType::kBF16, {5'000'000}}, {"b", DType::kF32, {3}}});
    Random random(3);
    const Bytes words = random_words(table, random);
    const Digest expected = sum(digest_tiles(table, words));
    for (const std::size_t threads : {0u, 1u, 3u}) {
        const Result<Digest> digest = digest_words(table, words, threads, {});
        ASSERT_TRUE(digest);
        EXPECT_EQ(*digest, expected);
    }
}

}  // namespace
}  // namespace dws
