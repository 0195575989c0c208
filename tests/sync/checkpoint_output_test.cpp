#include "sync/checkpoint/output.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/checkpoints.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

namespace fs = std::filesystem;

std::size_t entries(const fs::path& folder) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(CheckpointOutput, AFolderAppearsWhole) {
    const ScratchFolder folder;
    write_checkpoint(folder / "in", 4);
    const Result<Checkpoint> in = open_checkpoint(folder / "in");
    ASSERT_TRUE(in);
    const Result<Bytes> words = read_words(*in, {});
    ASSERT_TRUE(words);
    Result<CheckpointOutput> output =
        CheckpointOutput::begin(folder / "out", CheckpointOutput::Form::folder);
    ASSERT_TRUE(output);
    for (const CheckpointShard& shard : in->shards)
        ASSERT_TRUE(output->write_shard(shard, in->table, *words, {}));
    for (const CheckpointFile& file : in->others)
        ASSERT_TRUE(output->write_file(file.path, *read_other(*in, file)));
    EXPECT_FALSE(fs::exists(folder / "out"));
    ASSERT_TRUE(output->finish());
    EXPECT_EQ(files_below(folder / "out"), files_below(folder / "in"));
    EXPECT_EQ(entries(folder.path()), 2u);
}

TEST(CheckpointOutput, WhatIsNotFinishedIsRemoved) {
    const ScratchFolder folder;
    {
        Result<CheckpointOutput> output =
            CheckpointOutput::begin(folder / "out", CheckpointOutput::Form::folder);
        ASSERT_TRUE(output);
        ASSERT_TRUE(output->write_file("a/b", bytes_of("x")));
        EXPECT_EQ(entries(folder.path()), 1u);
    }
    EXPECT_EQ(entries(folder.path()), 0u);
}

TEST(CheckpointOutput, ATakenNameIsRefusedAndLeftAlone) {
    const ScratchFolder folder;
    write_text(folder / "file", "mine");
    write_text(folder / "full/file", "mine");
    for (const std::string name : {"file", "full"})
        for (const auto form : {CheckpointOutput::Form::folder, CheckpointOutput::Form::file}) {
            const auto output = CheckpointOutput::begin(folder / name, form);
            ASSERT_FALSE(output);
            EXPECT_NE(output.error().detail.find(name + " exists already"), std::string::npos);
        }
    EXPECT_FALSE(CheckpointOutput::begin(folder / "..", CheckpointOutput::Form::folder));
    EXPECT_EQ(files_below(folder.path()).at("file"), sha256_hex(bytes_of("mine")));
    EXPECT_EQ(entries(folder.path()), 2u);
}

TEST(CheckpointOutput, AnEmptyFolderMayBeFilled) {
    const ScratchFolder folder;
    fs::create_directory(folder / "out");
    Result<CheckpointOutput> output =
        CheckpointOutput::begin((folder / "out").string() + "/", CheckpointOutput::Form::folder);
    ASSERT_TRUE(output) << output.error().detail;
    ASSERT_TRUE(output->write_file("a", bytes_of("x")));
    ASSERT_TRUE(output->finish());
    EXPECT_EQ(files_below(folder.path()).at("out/a"), sha256_hex(bytes_of("x")));
}

TEST(CheckpointOutput, ANameTakenMeanwhileIsNotReplaced) {
    const ScratchFolder folder;
    for (const auto form : {CheckpointOutput::Form::folder, CheckpointOutput::Form::file}) {
        const std::string name = form == CheckpointOutput::Form::file ? "file" : "folder";
        Result<CheckpointOutput> output = CheckpointOutput::begin(folder / name, form);
        ASSERT_TRUE(output);
        ASSERT_TRUE(output->write_file("a", bytes_of("x")));
        write_text(form == CheckpointOutput::Form::file ? folder / name : folder / name / "b",
                   "mine");
        const Result<Done> finished = output->finish();
        ASSERT_FALSE(finished);
        EXPECT_NE(finished.error().detail.find("exists already"), std::string::npos);
    }
}

TEST(CheckpointOutput, WritingCanBeStopped) {
    const ScratchFolder folder;
    write_checkpoint(folder / "in", 4);
    const Result<Checkpoint> in = open_checkpoint(folder / "in");
    const Result<Bytes> words = read_words(*in, {});
    Result<CheckpointOutput> output =
        CheckpointOutput::begin(folder / "out", CheckpointOutput::Form::folder);
    const Result<Done> written = output->write_shard(in->shards.front(), in->table, *words,
                                                     [](std::uint64_t) { return false; });
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().fault, Fault::transport);
}

}  // namespace
}  // namespace dws
