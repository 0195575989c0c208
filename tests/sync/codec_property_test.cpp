// What both codecs promise of any two versions: whatever is encoded, in every mode, from either
// source and by any number of threads, decodes to the same bits.
#include <gtest/gtest.h>

#include <algorithm>

#include "sync/digest.h"
#include "tests/support/version_pair.h"

namespace dws {
namespace {

struct Collected {
    std::vector<Bytes> files;
    FileSink sink() {
        return [this](Bytes file) {
            files.push_back(std::move(file));
            return true;
        };
    }
};

bool are_same(const Changes& left, const Changes& right, bool with_before) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [&](const auto& a, const auto& b) {
                          return a.first == b.first && a.second.positions == b.second.positions &&
                                 a.second.after == b.second.after &&
                                 (!with_before || a.second.before == b.second.before);
                      });
}

// Decoded as a list and in place, by one thread and by two.
void expect_next(const VersionPair& pair, const Changes& expected,
                 const std::vector<Bytes>& files) {
    Changes decoded;
    for (const Bytes& file : files) {
        const Result<Done> read = decode_compact(pair.table, file, 2, 1, pair.base, decoded);
        ASSERT_TRUE(read) << read.error().detail;
    }
    EXPECT_TRUE(are_same(decoded, expected, true));
    Digest change;
    for (const auto& [tile, list] : expected) change += digest_change(pair.table, tile, list);
    for (const std::size_t threads : {1, 2}) {
        Bytes patched = pair.base;
        Digest added;
        for (const Bytes& file : files) {
            const Result<Done> done =
                patch_compact(pair.table, file, 2, 1, patched, threads, &added);
            ASSERT_TRUE(done) << done.error().detail;
        }
        EXPECT_TRUE(patched == pair.next);
        EXPECT_EQ(added, change);
    }
}

std::vector<Bytes> files_of_buffers(const VersionPair& pair, const CompactOptions& options) {
    Collected collected;
    EXPECT_TRUE(encode_compact(pair.table, pair.base, pair.next, 2, 1, options, collected.sink()));
    return collected.files;
}

std::vector<Bytes> files_of_changes(const VersionPair& pair, const Changes& changes,
                                    const Bytes& words, const CompactOptions& options) {
    Collected collected;
    EXPECT_TRUE(encode_compact(pair.table, changes, words, 2, 1, options, collected.sink()));
    return collected.files;
}

void expect_compact_survives(const VersionPair& pair) {
    const Changes changes = diff(pair.table, pair.base, pair.next);
    Changes unaware = changes;
    for (auto& [tile, list] : unaware) list.before.clear();
    for (const CompactMode mode :
         {CompactMode::smallest, CompactMode::classes, CompactMode::flat}) {
        SCOPED_TRACE("mode " + std::to_string(static_cast<int>(mode)));
        const std::vector<Bytes> files = files_of_buffers(pair, {.mode = mode});
        expect_next(pair, changes, files);
        EXPECT_TRUE(files_of_buffers(pair, {.mode = mode, .threads = 2}) == files);
        const std::vector<Bytes> cut =
            files_of_changes(pair, changes, pair.base, {.mode = mode, .file_bytes = 40'000});
        expect_next(pair, changes, cut);
        EXPECT_TRUE(files_of_changes(pair, changes, pair.next,
                                     {.mode = mode, .file_bytes = 40'000, .threads = 2}) == cut);
        expect_next(pair, changes, files_of_changes(pair, unaware, pair.base, {.mode = mode}));
    }
}

void expect_interchange_survives(const VersionPair& pair) {
    const Changes changes = diff(pair.table, pair.base, pair.next);
    for (const Encoding encoding : {Encoding::raw, Encoding::gap_delta}) {
        Collected collected;
        ASSERT_TRUE(encode_delta(pair.table, changes, 2, encoding, 100'000, collected.sink()));
        Changes decoded;
        for (const Bytes& file : collected.files) {
            const Result<Done> read = decode_delta(pair.table, file, 2, decoded);
            ASSERT_TRUE(read) << read.error().detail;
        }
        EXPECT_TRUE(are_same(decoded, changes, false));
        Bytes patched = pair.base;
        patch(pair.table, decoded, patched);
        EXPECT_TRUE(patched == pair.next);
    }
}

void expect_survives(const VersionPair& pair) {
    expect_compact_survives(pair);
    expect_interchange_survives(pair);
}

constexpr std::array kDensities{0.0, kOneWord, 1e-4, 1e-3, 0.01, 0.1, 0.5, 1.0};

// All dtypes; arrays of 0, of 1 and of a tile's words, one less or one more: which of them a dtype
// has goes round with the density, so that each meets each.
class CodecProperty : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Densities, CodecProperty,
                         testing::Range(std::size_t{0}, kDensities.size()));

TEST_P(CodecProperty, EveryDTypeSurvivesEveryWay) {
    const std::uint64_t seed = 811 + GetParam();
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    std::vector<std::vector<std::size_t>> lengths{{kTileWords - 1}, {kTileWords}, {kTileWords + 1}};
    std::rotate(lengths.begin(), lengths.begin() + static_cast<std::ptrdiff_t>(GetParam() % 3),
                lengths.end());
    expect_survives(random_versions(table_of_lengths(lengths), random,
                                    [&](std::size_t) { return kDensities[GetParam()]; }));
}

TEST(CodecPropertyEdges, DenseUntouchedAndOneWordTilesTakeTurns) {
    const std::uint64_t seed = 77;
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    ArrayTable table = make_table({{"a", DType::kBF16, {5, kTileWords}},
                                   {"b", DType::kF8E4M3, {3 * kTileWords + 1}},
                                   {"c", DType::kF32, {3 * kTileWords - 1}}});
    const std::array densities{1.0, 0.0, kOneWord};
    expect_survives(random_versions(std::move(table), random,
                                    [&](std::size_t index) { return densities[index % 3]; }));
}

TEST(CodecPropertyEdges, TablesOfNoWordAndOfOneWordSurvive) {
    Random random(5);
    const auto one_word = [](std::size_t) { return kOneWord; };
    expect_survives(random_versions(make_table({{"none", DType::kBF16, {0}}}), random, one_word));
    expect_survives(random_versions(make_table({{"only", DType::kF32, {1}}}), random, one_word));
    expect_survives(random_versions(table_of_lengths({{}}), random, one_word));
}

TEST(CodecPropertyEdges, BitPatternsThatAreNoNumberSurviveAsTheyAreAndCoded) {
    expect_survives(special_versions(1));
    expect_survives(special_versions(4));
}

}  // namespace
}  // namespace dws
