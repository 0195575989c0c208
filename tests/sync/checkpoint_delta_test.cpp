#include "sync/checkpoint/delta.h"

#include <gtest/gtest.h>

#include <string>

#include "sync/checkpoint/delta_contents.h"
#include "sync/codec/compact.h"
#include "sync/codec/interchange.h"
#include "tests/support/files.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

constexpr Encoding kAllEncodings[] = {Encoding::raw, Encoding::gap_delta, Encoding::flat,
                                      Encoding::classes, Encoding::smallest};

class CheckpointDeltas : public testing::Test {
protected:
    CheckpointDeltas() {
        Random random(11);
        base_ = random_words(table_, random);
        next_ = base_;
        for (int change = 0; change < 500; ++change) {
            const Tile tile = table_.tile(random() % table_.tiles());
            const std::size_t position = random() % tile.words;
            write_word(next_, tile, position, read_word(next_, tile, position) + 1);
        }
    }
    CheckpointDelta delta(Encoding encoding) const {
        return *make_checkpoint_delta(table_, base_, next_, encoding, 2, {});
    }
    Result<DeltaFacts> patch_with(std::span<const std::byte> file, Bytes& words) const {
        return patch_checkpoint(table_, file, words, 2, {});
    }
    const ArrayTable table_ = small_table();
    Bytes base_, next_;
};

TEST_F(CheckpointDeltas, EveryEncodingLeadsToTheNextWords) {
    for (const Encoding encoding : kAllEncodings) {
        const CheckpointDelta made = delta(encoding);
        EXPECT_EQ(made.changed_words, count(diff(table_, base_, next_)));
        Bytes words = base_;
        const Result<DeltaFacts> facts = patch_with(made.file, words);
        ASSERT_TRUE(facts) << name_of(encoding) << ": " << facts.error().detail;
        EXPECT_EQ(facts->digest, made.digest);
        EXPECT_EQ(count(diff(table_, words, next_)), 0u);
    }
}

TEST_F(CheckpointDeltas, AWrongBaseIsRefusedBeforeAWordIsTouched) {
    for (const Encoding encoding : kAllEncodings) {
        const CheckpointDelta made = delta(encoding);
        Bytes words = base_;
        words[0] ^= std::byte{1};
        const Bytes before = words;
        const Result<DeltaFacts> facts = patch_with(made.file, words);
        ASSERT_FALSE(facts);
        EXPECT_EQ(facts.error().fault, Fault::wrong_base);
        EXPECT_EQ(words, before);
    }
}

TEST_F(CheckpointDeltas, AFlippedBitNeverGivesOtherWords) {
    for (const Encoding encoding : kAllEncodings) {
        const Bytes file = delta(encoding).file;
        const std::size_t start = *header_bytes_of(file);
        for (std::size_t at = start; at < file.size(); at += 1 + file.size() / 200) {
            Bytes damaged = file;
            damaged[at] ^= std::byte{4};
            Bytes words = base_;
            const Result<DeltaFacts> facts = patch_with(damaged, words);
            if (facts) {
                EXPECT_EQ(count(diff(table_, words, next_)), 0u);
            }
        }
    }
}

TEST_F(CheckpointDeltas, WithoutDigestsItIsAppliedOnTrust) {
    Bytes file;
    encode_delta(table_, diff(table_, base_, next_), 5, Encoding::gap_delta, SIZE_MAX,
                 [&](Bytes written) {
                     file = std::move(written);
                     return true;
                 });
    Bytes words = base_;
    const Result<DeltaFacts> facts = patch_with(file, words);
    ASSERT_TRUE(facts) << facts.error().detail;
    EXPECT_FALSE(facts->base_digest || facts->digest);
    EXPECT_EQ(facts->version, 5);
    EXPECT_EQ(count(diff(table_, words, next_)), 0u);
}

TEST_F(CheckpointDeltas, OneOfSeveralFilesIsRefused) {
    std::vector<Bytes> files;
    encode_compact(table_, base_, next_, 1, 0, {.file_bytes = 100}, [&](Bytes file) {
        files.push_back(std::move(file));
        return true;
    });
    ASSERT_GT(files.size(), 1u);
    Bytes words = base_;
    const Result<DeltaFacts> facts = patch_with(files.front(), words);
    ASSERT_FALSE(facts);
    EXPECT_NE(facts.error().detail.find("one of several files"), std::string::npos);
    EXPECT_EQ(words, base_);
}

TEST_F(CheckpointDeltas, WhatIsNoDeltaIsRefused) {
    const Bytes anchor = write_safetensors({}, {{"format", "pt"}});
    EXPECT_FALSE(read_delta_facts(anchor));
    EXPECT_FALSE(read_delta_facts({}));
    for (const Metadata& more :
         {Metadata{{"model_version", "x"}}, Metadata{{"model_version", "-1"}},
          Metadata{{"digest", "12"}}, Metadata{{"base_digest", "zz"}}}) {
        Metadata metadata{{"format", "dws_compact"},
                          {"model_version", "1"},
                          {"base_version", "0"},
                          {"changed_words", "0"}};
        EXPECT_TRUE(read_delta_facts(write_safetensors({}, metadata)));
        for (const auto& [name, text] : more) metadata[name] = text;
        EXPECT_FALSE(read_delta_facts(write_safetensors({}, metadata)));
    }
}

TEST_F(CheckpointDeltas, AnotherToolsReaderTakesADeltaWithDigests) {
    Changes changes;
    EXPECT_TRUE(decode_delta(table_, delta(Encoding::gap_delta).file, 1, changes));
    EXPECT_EQ(count(changes), count(diff(table_, base_, next_)));
}

TEST_F(CheckpointDeltas, ContentsCountWhatIsThere) {
    const std::uint64_t changed = count(diff(table_, base_, next_));
    for (const Encoding encoding : kAllEncodings) {
        const CheckpointDelta made = delta(encoding);
        const Result<DeltaContents> contents = read_delta_contents(made.file, &table_);
        ASSERT_TRUE(contents) << contents.error().detail;
        EXPECT_EQ(contents->total_words, table_.words());
        std::uint64_t sum = 0;
        for (const DeltaArray& array : contents->arrays) sum += array.changed.value();
        EXPECT_EQ(sum, changed) << name_of(encoding);
        EXPECT_EQ(contents->arrays.size(), 3u);
        EXPECT_TRUE(read_delta_contents(made.file, nullptr));
        if (!is_compact(encoding)) continue;
        EXPECT_EQ(contents->untouched + contents->flat + contents->classes + contents->raw,
                  table_.tiles());
    }
}

TEST_F(CheckpointDeltas, DamagedContentsAreFaultsOrNumbers) {
    for (const Encoding encoding : kAllEncodings) {
        const Bytes file = delta(encoding).file;
        for (std::size_t bytes = 0; bytes < file.size(); bytes += 1 + file.size() / 100)
            EXPECT_FALSE(read_delta_contents(std::span(file).first(bytes), nullptr));
        for (std::size_t at = 0; at < file.size(); at += 1 + file.size() / 300) {
            Bytes damaged = file;
            damaged[at] ^= std::byte{0xff};
            for (const ArrayTable* table : {static_cast<const ArrayTable*>(nullptr), &table_}) {
                const auto contents = read_delta_contents(damaged, table);
                if (contents) continue;
                EXPECT_EQ(contents.error().fault, Fault::corrupt);
            }
        }
    }
}

}  // namespace
}  // namespace dws
