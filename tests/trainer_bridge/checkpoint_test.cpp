#include "trainer_bridge/checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/safetensors.h"
#include "tests/support/files.h"
#include "tests/support/scratch_folder.h"
#include "trainer_bridge/checkpoint_folder.h"

namespace dws {
namespace {

namespace fs = std::filesystem;

struct CheckpointTest : ::testing::Test {
    ScratchFolder scratch;
    // More than one piece of the file, and not a multiple of one.
    std::vector<float> master = std::vector<float>((5u << 20) / 4 + 3, 1.5f);
    std::vector<std::uint16_t> words = {1, 2, 3};
    CheckpointLabel label{.run = "test",
                          .sequence = 43,
                          .trainer_step = 40,
                          .optimizer_steps = 39,
                          .digest = {{0x0123456789abcdef, 7}},
                          .layout_hash = std::string(64, 'a'),
                          .settings = {{"trainer.beta1", "0.9"}}};

    static TrainingArray array(const char* name, DType dtype, auto& values) {
        return {{name, dtype, {static_cast<std::int64_t>(values.size())}},
                std::as_writable_bytes(std::span(values))};
    }
    TrainingState state() {
        return {
            .arrays = {array("master", DType::kF32, master), array("words", DType::kBF16, words)},
            .step_number = 40,
            .optimizer_steps = 39};
    }
    fs::path file() const { return scratch / "one.safetensors"; }
    void write() { ASSERT_TRUE(write_checkpoint(file(), label, state())); }
    void expect_corrupt() {
        const Result<Done> read = read_checkpoint(file(), state());
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().fault, Fault::corrupt) << read.error().detail;
        EXPECT_NE(read.error().detail.find("one.safetensors"), std::string::npos);
    }
};

TEST_F(CheckpointTest, LabelAndEveryBitComeBack) {
    for (std::size_t at = 0; at < master.size(); ++at) master[at] = static_cast<float>(at) * 0.3f;
    write();
    const std::vector<float> written = master;
    master.assign(master.size(), -1);
    words = {9, 9, 9};
    const Result<Done> read = read_checkpoint(file(), state());
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(master, written);
    EXPECT_EQ(words, (std::vector<std::uint16_t>{1, 2, 3}));
    const Result<CheckpointLabel> found = read_checkpoint_label(file());
    ASSERT_TRUE(found) << found.error().detail;
    EXPECT_EQ(found->run, "test");
    EXPECT_EQ(found->sequence, 43u);
    EXPECT_EQ(found->trainer_step, 40);
    EXPECT_EQ(found->optimizer_steps, 39);
    EXPECT_EQ(found->digest, label.digest);
    EXPECT_EQ(found->layout_hash, label.layout_hash);
    EXPECT_EQ(found->settings, label.settings);
}

TEST_F(CheckpointTest, AnyToolOpensIt) {
    write();
    const Bytes bytes = read_file(file());
    const Result<SafetensorsView> view = SafetensorsView::parse(bytes);
    ASSERT_TRUE(view) << view.error().detail;
    ASSERT_NE(view->find("master"), nullptr);
    EXPECT_EQ(view->find("master")->data.size(), 4 * master.size());
    EXPECT_NE(view->find("sha256"), nullptr);
}

TEST_F(CheckpointTest, AFlippedBitAnywhereIsFound) {
    write();
    const Bytes whole = read_file(file());
    for (const std::size_t at : {std::size_t{9}, std::size_t{200}, whole.size() / 2,
                                 whole.size() - 66, whole.size() - 1}) {
        SCOPED_TRACE(at);
        Bytes flipped = whole;
        flipped[at] ^= std::byte{1};
        write_file(file(), flipped);
        expect_corrupt();
    }
}

TEST_F(CheckpointTest, AFileThatIsCutShortIsFound) {
    write();
    const Bytes whole = read_file(file());
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{7}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
        SCOPED_TRACE(size);
        write_file(file(), std::span(whole).first(size));
        expect_corrupt();
    }
}

TEST_F(CheckpointTest, OtherArraysAreRefused) {
    write();
    words.push_back(4);
    expect_corrupt();
}

TEST_F(CheckpointTest, WhatIsNoCheckpointHasNoLabel) {
    write_file(file(), write_safetensors({}, {{"format", "other"}}));
    const Result<CheckpointLabel> found = read_checkpoint_label(file());
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().fault, Fault::corrupt);
}

TEST_F(CheckpointTest, ADiskThatRefusesLeavesNothing) {
    std::ofstream(scratch / "in_the_way") << "a file";
    const auto written = write_checkpoint(scratch / "in_the_way/one", label, state());
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().fault, Fault::transport);
    fs::create_directory(file());  // the rename fails
    EXPECT_FALSE(write_checkpoint(file(), label, state()));
    EXPECT_FALSE(fs::exists(file().string() + ".tmp"));
}

std::vector<std::uint64_t> sequences(const CheckpointFolder& folder) {
    std::vector<std::uint64_t> found;
    for (const FoundCheckpoint& one : folder.list().found) found.push_back(one.label.sequence);
    return found;
}

TEST_F(CheckpointTest, TheFolderKeepsTheNewest) {
    CheckpointFolder folder(scratch / "checkpoints", 2);
    EXPECT_TRUE(folder.list().found.empty());
    for (const std::uint64_t sequence : {1, 20, 300}) {
        label.sequence = sequence;
        ASSERT_TRUE(folder.write(label, state()));
    }
    EXPECT_EQ(sequences(folder), (std::vector<std::uint64_t>{300, 20}));
}

// Another life's files are not this one's to remove, whatever their numbers.
TEST_F(CheckpointTest, TheFolderRemovesOnlyWhatWasCountedIn) {
    CheckpointFolder before(scratch / "checkpoints", 9);
    label.sequence = 1'000;
    ASSERT_TRUE(before.write(label, state()));
    CheckpointFolder folder(scratch / "checkpoints", 1);
    for (const std::uint64_t sequence : {1, 2}) {
        label.sequence = sequence;
        ASSERT_TRUE(folder.write(label, state()));
    }
    EXPECT_EQ(sequences(folder), (std::vector<std::uint64_t>{1'000, 2}));
    folder.count_in(folder.list().found.front().file);
    EXPECT_EQ(sequences(folder).size(), 2u) << "counting in alone removes nothing";
}

// Killed between writing and renaming.
TEST_F(CheckpointTest, AnUnfinishedFileIsNotListedAndGoesWithTheNextWrite) {
    CheckpointFolder folder(scratch / "checkpoints", 2);
    ASSERT_TRUE(folder.write(label, state()));
    const fs::path unfinished =
        scratch / "checkpoints/checkpoint-00000000000000000099-0123456789abcdef.safetensors.tmp";
    write_file(unfinished, Bytes(100));
    EXPECT_EQ(folder.list().found.size(), 1u);
    EXPECT_TRUE(folder.list().unreadable.empty());
    label.sequence = 50;
    ASSERT_TRUE(folder.write(label, state()));
    EXPECT_FALSE(fs::exists(unfinished));
}

TEST_F(CheckpointTest, AnUnreadableFileIsNamed) {
    CheckpointFolder folder(scratch / "checkpoints", 2);
    ASSERT_TRUE(folder.write(label, state()));
    write_file(scratch / "checkpoints/checkpoint-bad.safetensors", Bytes(3));
    const CheckpointFolder::Listing listing = folder.list();
    EXPECT_EQ(listing.found.size(), 1u);
    ASSERT_EQ(listing.unreadable.size(), 1u);
    EXPECT_NE(listing.unreadable[0].detail.find("checkpoint-bad"), std::string::npos);
}

}  // namespace
}  // namespace dws
