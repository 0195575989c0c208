#include "sync/codec/step_encoder.h"

#include <gtest/gtest.h>

#include <bit>

#include "sync/codec/compact.h"
#include "sync/codec/compact_cut.h"
#include "tests/support/encode_step.h"
#include "tests/support/random_arrays.h"

namespace dws {
namespace {

// Random bits, but bf16 words are Gaussian weights.
Bytes weight_words(const ArrayTable& table, Random& random) {
    Bytes words = random_words(table, random);
    std::normal_distribution<float> weights(0, 0.03f);
    for (std::size_t index = 0; index < table.tiles(); ++index) {
        const Tile tile = table.tile(index);
        if (tile.word_bytes != 2) continue;
        for (std::size_t position = 0; position < tile.words; ++position) {
            write_word(words, tile, position, std::bit_cast<std::uint32_t>(weights(random)) >> 16);
        }
    }
    return words;
}

// Small weights change, by one step: where classes pay.
Bytes next_of(const ArrayTable& table, const Bytes& base, Random& random) {
    Bytes next = base;
    for (std::size_t index = 0; index < table.tiles(); ++index) {
        const Tile tile = table.tile(index);
        for (std::size_t position = 0; position < tile.words; ++position) {
            const std::uint32_t word = read_word(base, tile, position);
            const bool is_small = (word >> 7 & 0xff) < 116;
            if (is_small && random() % 3 == 0) write_word(next, tile, position, word + 1);
        }
    }
    return next;
}

// The cut files of a step.
std::vector<Bytes> files_of(const ArrayTable& table, const EncodedStep& step,
                            std::size_t file_bytes) {
    std::vector<Bytes> files;
    const FileSink sink = [&](Bytes file) {
        files.push_back(std::move(file));
        return true;
    };
    CompactCutter cutter(table, {1, 0}, step.classes, file_bytes, sink);
    for (const CompactBody& run : step.runs) {
        EXPECT_TRUE(cutter.add(run));
    }
    EXPECT_TRUE(cutter.finish());
    return files;
}

struct StepEncoderTest : ::testing::TestWithParam<Encoding> {
    const ArrayTable table = make_table(
        {{"a", DType::kBF16, {11, 65'537}}, {"b", DType::kF32, {300}}, {"c", DType::kI8, {5'000}}});
    Random random{71};
    Bytes base = weight_words(table, random);

    // Two steps: the second has classes from the first.
    EncodedStep second_step(StepEncoder& encoder, std::size_t threads, const Bytes& next) {
        encode_step(table, base, next, encoder, threads);
        return encode_step(table, base, next, encoder, threads);
    }
};

TEST_P(StepEncoderTest, FilesHoldTheChangesAndTheirDigest) {
    const Bytes next = next_of(table, base, random);
    StepEncoder encoder(table, GetParam(), 1);
    const EncodedStep step = second_step(encoder, 1, next);
    EXPECT_EQ(step.classes.empty(), GetParam() == Encoding::flat);
    const Changes expected = diff(table, base, next);
    EXPECT_EQ(count(step), count(expected));
    Digest digest = sum(digest_tiles(table, base));
    digest += step.change;
    EXPECT_EQ(digest, sum(digest_tiles(table, next)));
    for (const std::size_t file_bytes : {std::size_t{1}, std::size_t{2'000}, SIZE_MAX}) {
        Changes decoded;
        const std::vector<Bytes> files = files_of(table, step, file_bytes);
        EXPECT_TRUE(file_bytes != 1 || files.size() > 1);
        EXPECT_TRUE(file_bytes != SIZE_MAX || files.size() == 1);
        for (const Bytes& file : files) {
            ASSERT_TRUE(decode_compact(table, file, 1, 0, base, decoded));
        }
        Bytes words = base;
        patch(table, decoded, words);
        EXPECT_EQ(words, next);
        EXPECT_EQ(count(decoded), count(expected));
    }
}

TEST_P(StepEncoderTest, TheNumberOfThreadsIsNobodysBusiness) {
    const Bytes next = next_of(table, base, random);
    StepEncoder one(table, GetParam(), 1);
    StepEncoder three(table, GetParam(), 3);
    const EncodedStep alone = second_step(one, 1, next);
    const EncodedStep shared = second_step(three, 3, next);
    EXPECT_EQ(alone.classes, shared.classes);
    EXPECT_EQ(alone.change, shared.change);
    EXPECT_EQ(files_of(table, alone, 9'000), files_of(table, shared, 9'000));
}

TEST_P(StepEncoderTest, AStepWithoutChangesIsOneFile) {
    StepEncoder encoder(table, GetParam(), 1);
    const EncodedStep step = encode_step(table, base, base, encoder, 1);
    EXPECT_EQ(count(step), 0u);
    EXPECT_EQ(step.change, Digest{});
    EXPECT_EQ(files_of(table, step, 1).size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Encodings, StepEncoderTest,
                         ::testing::Values(Encoding::flat, Encoding::classes, Encoding::smallest),
                         [](const auto& parameter) {
                             return std::string(name_of(parameter.param));
                         });

TEST(StepEncoder, ClassesMakeTheSecondStepSmaller) {
    const ArrayTable table = make_table({{"a", DType::kBF16, {8, 65'536}}});
    Random random(72);
    const Bytes base = weight_words(table, random);
    const Bytes next = next_of(table, base, random);
    StepEncoder encoder(table, Encoding::smallest, 1);
    const auto bytes_of = [](const EncodedStep& step) {
        std::size_t bytes = 0;
        for (const CompactBody& run : step.runs) bytes += run.tiles.size();
        return bytes;
    };
    const std::size_t first = bytes_of(encode_step(table, base, next, encoder, 1));
    const std::size_t second = bytes_of(encode_step(table, base, next, encoder, 1));
    EXPECT_LT(second, first * 95 / 100);
}

}  // namespace
}  // namespace dws
