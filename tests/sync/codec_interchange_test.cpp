#include "sync/codec/interchange.h"

#include <gtest/gtest.h>

#include "base/safetensors.h"
#include "tests/support/random_arrays.h"

namespace dws {
namespace {

constexpr std::size_t kOneFile = 1u << 30;

struct Collected {
    std::vector<Bytes> files;
    FileSink sink() {
        return [this](Bytes file) {
            files.push_back(std::move(file));
            return true;
        };
    }
};

std::vector<Bytes> delta_files(const ArrayTable& table, const Changes& changes, Encoding encoding,
                               std::size_t file_bytes = kOneFile) {
    Collected collected;
    EXPECT_TRUE(encode_delta(table, changes, 7, encoding, file_bytes, collected.sink()));
    return collected.files;
}

Changes decoded(const ArrayTable& table, const std::vector<Bytes>& files) {
    Changes changes;
    for (const Bytes& file : files) {
        const Result<Done> done = decode_delta(table, file, 7, changes);
        EXPECT_TRUE(done) << done.error().detail;
    }
    return changes;
}

class Codec : public testing::TestWithParam<std::tuple<DType, Encoding>> {
protected:
    const ArrayTable table_ = mixed_table(std::get<0>(GetParam()));
    const Encoding encoding_ = std::get<1>(GetParam());

    void expect_survives(const Bytes& base, const Bytes& next, std::size_t file_bytes = kOneFile) {
        const Changes changes = diff(table_, base, next);
        const Changes back = decoded(table_, delta_files(table_, changes, encoding_, file_bytes));
        EXPECT_EQ(count(back), count(changes));
        Bytes copy = base;
        patch(table_, back, copy);
        EXPECT_EQ(copy, next);
    }
};
INSTANTIATE_TEST_SUITE_P(All, Codec,
                         testing::Combine(testing::Values(DType::kU8, DType::kF8E4M3, DType::kBF16,
                                                          DType::kF32),
                                          testing::Values(Encoding::raw, Encoding::gap_delta)));

TEST_P(Codec, EveryDensitySurvives) {
    const std::uint64_t seed = 21;
    SCOPED_TRACE(seed);
    Random random(seed);
    const Bytes base = random_words(table_, random);
    for (const double density : {0.0, 1e-5, 0.01, 0.5, 1.0}) {
        expect_survives(base, changed_words(table_, base, density, random));
    }
}

TEST_P(Codec, OneWordSurvivesAtEveryCorner) {
    Random random(22);
    const Bytes base = random_words(table_, random);
    for (std::size_t index = 0; index < table_.tiles(); ++index) {
        const Tile tile = table_.tile(index);
        for (const std::size_t position : {std::size_t{0}, tile.words - 1}) {
            Bytes next = base;
            write_word(next, tile, position, ~read_word(base, tile, position));
            expect_survives(base, next);
        }
    }
}

// NaNs of every payload, both zeros, and words that cross the sign.
TEST_P(Codec, BitPatternsWithoutANumberSurvive) {
    const Bytes base(table_.layout().size_bytes());
    Bytes next = base;
    const std::uint32_t patterns[] = {0x7fc0,     0x7f81,     0xffff, 0x8000,    0x80,      0x7f,
                                      0x7fc00001, 0xff800001, ~0u,    1u << 31u, 0xffffff00};
    std::size_t position = 0;
    for (const std::uint32_t pattern : patterns) {
        write_word(next, table_.tile(0), position++, pattern);
    }
    expect_survives(base, next);
    expect_survives(next, base);
}

TEST_P(Codec, FilesAreCutBetweenArraysOnly) {
    Random random(23);
    const Bytes base = random_words(table_, random);
    const Bytes next = changed_words(table_, base, 0.5, random);
    const std::vector<Bytes> files = delta_files(table_, diff(table_, base, next), encoding_, 1);
    EXPECT_EQ(files.size(), 3u);  // three arrays with words
    expect_survives(base, next, 1);
    expect_survives(base, next, 2'000);
}

TEST_P(Codec, AnchorsSurviveWholeAndCut) {
    Random random(24);
    const Bytes words = random_words(table_, random);
    for (const std::size_t file_bytes : {kOneFile, std::size_t{1}, std::size_t{100'000}}) {
        Collected collected;
        ASSERT_TRUE(encode_anchor(table_, words, 7, file_bytes, collected.sink()));
        Bytes copy(words.size());
        std::vector<bool> has_array(table_.layout().specs().size(), false);
        for (const Bytes& file : collected.files) {
            ASSERT_TRUE(decode_anchor(table_, file, copy, has_array));
        }
        EXPECT_EQ(has_array, std::vector<bool>(4, true));
        EXPECT_TRUE(diff(table_, words, copy).empty());
    }
}

TEST(CodecInterchange, ADeltaWithoutChangesIsOneFileWithoutArrays) {
    const ArrayTable table = mixed_table(DType::kBF16);
    const std::vector<Bytes> files = delta_files(table, {}, Encoding::gap_delta);
    ASSERT_EQ(files.size(), 1u);
    EXPECT_TRUE(decoded(table, files).empty());
}

TEST(CodecInterchange, TheSinkStopsTheEncoder) {
    Random random(25);
    const ArrayTable table = mixed_table(DType::kBF16);
    const Bytes base = random_words(table, random);
    const Changes changes = diff(table, base, changed_words(table, base, 0.01, random));
    int calls = 0;
    const FileSink stop = [&](Bytes) { return ++calls < 2; };
    EXPECT_FALSE(encode_delta(table, changes, 7, Encoding::raw, 1, stop));
    EXPECT_EQ(calls, 2);
    calls = 0;
    EXPECT_FALSE(encode_anchor(table, base, 7, 1, stop));
    EXPECT_EQ(calls, 2);
}

TEST(CodecInterchange, EveryTensorStartsAtAMultipleOfItsWidth) {
    Random random(26);
    const ArrayTable table = make_table(
        {{"a", DType::kF8E4M3, {333}}, {"b", DType::kBF16, {77'777}}, {"c", DType::kF32, {55}}});
    const Bytes base = random_words(table, random);
    std::vector<Bytes> files = delta_files(
        table, diff(table, base, changed_words(table, base, 0.1, random)), Encoding::gap_delta);
    Collected anchor;
    ASSERT_TRUE(encode_anchor(table, base, 7, kOneFile, anchor.sink()));
    files.push_back(anchor.files.at(0));
    for (const Bytes& file : files) {
        const Result<SafetensorsView> view = SafetensorsView::parse(file);
        ASSERT_TRUE(view);
        for (const TensorView& tensor : view->tensors()) {
            const auto offset = static_cast<std::size_t>(tensor.data.data() - file.data());
            EXPECT_EQ(offset % width_bytes(tensor.spec.dtype), 0u) << tensor.spec.name;
        }
    }
}

// Gaps of exactly 65,535 and 65,536 words: the last that u16 holds and the first that it does not.
TEST(CodecInterchange, GapsWidenWhereTheyMust) {
    const ArrayTable table = make_table({{"a", DType::kBF16, {200'000}}});
    const Bytes base(table.layout().size_bytes());
    for (const auto& [position, dtype] :
         {std::pair<std::size_t, DType>{65'535, DType::kU16}, {65'536, DType::kU32}}) {
        Bytes next = base;
        write_word(next, table.tile(position / kTileWords), position % kTileWords, 1);
        const std::vector<Bytes> files =
            delta_files(table, diff(table, base, next), Encoding::gap_delta);
        const Result<SafetensorsView> view = SafetensorsView::parse(files.at(0));
        ASSERT_TRUE(view);
        EXPECT_EQ(view->find("a.idx")->spec.dtype, dtype);
        const Changes back = decoded(table, files);
        ASSERT_EQ(back.size(), 1u);
        EXPECT_EQ(back.begin()->first, position / kTileWords);
        EXPECT_EQ(back.begin()->second.positions.at(0), position % kTileWords);
    }
}

}  // namespace
}  // namespace dws
