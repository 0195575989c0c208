#include <gtest/gtest.h>

#include <fstream>

#include "base/safetensors.h"
#include "tests/sync/codec_compact_fixture.h"

namespace dws {
namespace {

const std::vector<TensorSpec> kSpecs = {{"bf16.large", DType::kBF16, {3, 50'000}},
                                        {"norm", DType::kBF16, {100}},
                                        {"empty", DType::kBF16, {0, 7}},
                                        {"f32", DType::kF32, {70'000}},
                                        {"f16", DType::kF16, {65'536}},
                                        {"f8", DType::kF8E4M3, {65'537}},
                                        {"f8.wide", DType::kF8E5M2, {300}},
                                        {"steps", DType::kI32, {1000}},
                                        {"scalar", DType::kU8, {}},
                                        {"mask", DType::kBool, {129}},
                                        {"untouched", DType::kBF16, {200'000}}};

// A base and a next version of kSpecs.
struct Versions {
    ArrayTable table = *ArrayTable::make(TensorLayout(kSpecs));
    Bytes base = Bytes(table.layout().size_bytes());
    Bytes next;

    explicit Versions(double density, std::uint64_t seed = 1) {
        std::mt19937_64 random(seed);
        next = base;
        for (std::size_t index = 0; index < table.tiles(); ++index) {
            const Tile tile = table.tile(index);
            const bool is_touched = kSpecs[tile.array].name != "untouched";
            const TilePair pair =
                random_tile(tile.words, tile.word_bytes, is_touched ? density : 0.0,
                            index % 3 == 0 ? Content::any : Content::weights, random);
            std::copy(pair.before.begin(), pair.before.end(),
                      base.begin() + static_cast<std::ptrdiff_t>(tile.offset_bytes));
            std::copy(pair.after.begin(), pair.after.end(),
                      next.begin() + static_cast<std::ptrdiff_t>(tile.offset_bytes));
        }
    }

    std::vector<Bytes> encode(const CompactOptions& options) const {
        std::vector<Bytes> files;
        EXPECT_TRUE(encode_compact(table, base, next, 43, 41, options, [&](Bytes file) {
            files.push_back(std::move(file));
            return true;
        }));
        return files;
    }
};

bool are_same(const Changes& left, const Changes& right) {
    return std::equal(
        left.begin(), left.end(), right.begin(), right.end(), [](const auto& a, const auto& b) {
            return a.first == b.first && a.second.positions == b.second.positions &&
                   a.second.before == b.second.before && a.second.after == b.second.after;
        });
}

TEST(CompactDelta, DecodesToWhatDiffFinds) {
    for (const double density : {0.0, 0.0002, 0.01, 0.5, 1.0}) {
        const Versions versions(density);
        const Changes expected = diff(versions.table, versions.base, versions.next);
        for (const CompactMode mode :
             {CompactMode::smallest, CompactMode::classes, CompactMode::flat}) {
            const std::vector<Bytes> files = versions.encode({.mode = mode});
            ASSERT_EQ(files.size(), 1u);
            Changes decoded;
            const Result<Done> read =
                decode_compact(versions.table, files[0], 43, 41, versions.base, decoded);
            ASSERT_TRUE(read) << read.error().detail;
            EXPECT_TRUE(are_same(decoded, expected)) << density;
            Changes shared;
            ASSERT_TRUE(decode_compact(versions.table, files[0], 43, 41, versions.base, shared, 3));
            EXPECT_TRUE(are_same(shared, expected)) << density;
            Bytes patched = versions.base;
            ASSERT_TRUE(patch_compact(versions.table, files[0], 43, 41, patched));
            EXPECT_EQ(patched, versions.next);
        }
    }
}

TEST(CompactDelta, AListOfChangesMakesTheSameChanges) {
    const Versions versions(0.02);
    const Changes changes = diff(versions.table, versions.base, versions.next);
    for (const Bytes* words : {&versions.base, &versions.next}) {
        std::vector<Bytes> files;
        ASSERT_TRUE(encode_compact(versions.table, changes, *words, 43, 41, {}, [&](Bytes file) {
            files.push_back(std::move(file));
            return true;
        }));
        ASSERT_EQ(files.size(), 1u);
        Changes decoded;
        ASSERT_TRUE(decode_compact(versions.table, files[0], 43, 41, versions.base, decoded));
        EXPECT_TRUE(are_same(decoded, changes));
    }
}

TEST(CompactDelta, FilesAreCutBetweenTilesAndCoverAll) {
    const Versions versions(0.3);
    const std::vector<Bytes> files = versions.encode({.file_bytes = 30'000});
    ASSERT_GT(files.size(), 3u);
    Changes decoded;
    for (const Bytes& file : files) {
        ASSERT_TRUE(decode_compact(versions.table, file, 43, 41, versions.base, decoded));
    }
    EXPECT_TRUE(are_same(decoded, diff(versions.table, versions.base, versions.next)));
}

TEST(CompactDelta, ThreadsDoNotChangeTheBytes) {
    const Versions versions(0.05);
    const std::vector<Bytes> files = versions.encode({.file_bytes = 50'000});
    EXPECT_EQ(versions.encode({.file_bytes = 50'000, .threads = 3}), files);
    Bytes patched = versions.base;
    for (const Bytes& file : files) {
        ASSERT_TRUE(patch_compact(versions.table, file, 43, 41, patched, 3));
    }
    EXPECT_EQ(patched, versions.next);
}

TEST(CompactDelta, PatchingKeepsTheDigest) {
    for (const double density : {0.0, 0.02, 1.0}) {
        const Versions versions(density);
        const Digest next = sum(digest_tiles(versions.table, versions.next));
        for (const std::size_t threads : {1, 3}) {
            Bytes words = versions.base;
            Digest digest = sum(digest_tiles(versions.table, words));
            for (const Bytes& file : versions.encode({.file_bytes = 50'000})) {
                ASSERT_TRUE(patch_compact(versions.table, file, 43, 41, words, threads, &digest));
            }
            EXPECT_EQ(digest, next);
            EXPECT_EQ(words, versions.next);
        }
    }
}

TEST(CompactDelta, TheSinkStopsTheEncoder) {
    const Versions versions(0.3);
    int files = 0;
    EXPECT_FALSE(encode_compact(versions.table, versions.base, versions.next, 43, 41,
                                {.file_bytes = 30'000}, [&](Bytes) { return ++files < 2; }));
    EXPECT_EQ(files, 2);
}

TEST(CompactDelta, AFileTwiceIsCorrupt) {
    const Versions versions(0.01);
    const Bytes file = versions.encode({})[0];
    Changes decoded;
    ASSERT_TRUE(decode_compact(versions.table, file, 43, 41, versions.base, decoded));
    const Result<Done> again = decode_compact(versions.table, file, 43, 41, versions.base, decoded);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().fault, Fault::corrupt);
}

TEST(CompactDelta, ATileThatOneOfSeveralThreadsCannotReadIsCorrupt) {
    const Versions versions(0.05);
    Bytes file = versions.encode({})[0];
    std::fill(file.end() - 400, file.end(), std::byte{0xff});
    for (const std::size_t threads : {1, 3}) {
        Changes decoded;
        const Result<Done> read =
            decode_compact(versions.table, file, 43, 41, versions.base, decoded, threads);
        ASSERT_FALSE(read) << threads;
        EXPECT_EQ(read.error().fault, Fault::corrupt);
    }
}

TEST(CompactDelta, OtherVersionsAndOtherArraysAreCorrupt) {
    const Versions versions(0.01);
    const Bytes file = versions.encode({})[0];
    const auto fault = [&](const ArrayTable& table, std::int64_t version, std::int64_t base) {
        Changes decoded;
        const Result<Done> read =
            decode_compact(table, file, version, base, versions.base, decoded);
        EXPECT_FALSE(read);
        return read ? Fault::missing : read.error().fault;
    };
    EXPECT_EQ(fault(versions.table, 44, 41), Fault::corrupt);
    EXPECT_EQ(fault(versions.table, 43, 42), Fault::corrupt);
    std::vector<TensorSpec> renamed = kSpecs;
    renamed[0].name = "other";
    EXPECT_EQ(fault(*ArrayTable::make(TensorLayout(renamed)), 43, 41), Fault::corrupt);
}

// A file small enough to try everything on it.
struct SmallFile {
    ArrayTable table = *ArrayTable::make(TensorLayout({{"w", DType::kBF16, {300}}}));
    Bytes base = Bytes(table.layout().size_bytes());
    Bytes file;

    SmallFile() {
        std::mt19937_64 random(2);
        const TilePair pair = random_tile(300, 2, 0.2, Content::weights, random);
        std::copy(pair.before.begin(), pair.before.end(), base.begin());
        Bytes next = base;
        std::copy(pair.after.begin(), pair.after.end(), next.begin());
        encode_compact(table, base, next, 1, 0, {.mode = CompactMode::classes}, [&](Bytes bytes) {
            file = std::move(bytes);
            return true;
        });
    }
};

TEST(CompactDelta, TruncationAtEveryByteIsCorrupt) {
    const SmallFile small;
    for (std::size_t bytes = 0; bytes < small.file.size(); ++bytes) {
        Changes changes;
        const Result<Done> read = decode_compact(small.table, std::span(small.file).first(bytes), 1,
                                                 0, small.base, changes);
        ASSERT_FALSE(read) << bytes;
        EXPECT_EQ(read.error().fault, Fault::corrupt);
    }
}

TEST(CompactDelta, EveryFlippedBitEndsCleanly) {
    SmallFile small;
    for (std::size_t bit = 0; bit < 8 * small.file.size(); ++bit) {
        const auto flip = static_cast<std::byte>(1u << (bit % 8));
        small.file[bit / 8] ^= flip;
        Changes changes;
        const Result<Done> read =
            decode_compact(small.table, small.file, 1, 0, small.base, changes);
        if (read) {
            for (const auto& [tile, tile_changes] : changes) {
                EXPECT_EQ(tile, 0u);
                EXPECT_LT(tile_changes.positions.back(), 300);
            }
        } else {
            EXPECT_EQ(read.error().fault, Fault::corrupt);
        }
        Bytes words = small.base;
        (void)static_cast<bool>(patch_compact(small.table, small.file, 1, 0, words));
        small.file[bit / 8] ^= flip;
    }
}

TEST(CompactClasses, FollowWhereChangesAre) {
    KeyHistogram histogram;
    histogram.tiles = 100;
    for (std::size_t key = 100; key < 120; ++key) {
        histogram.words[key] = 10'000;
        histogram.changed[key] = key < 105 ? 6'000 : 60;
    }
    const ExponentClasses classes = choose_classes(histogram);
    ASSERT_EQ(classes.count, 1u);
    EXPECT_EQ(classes.thresholds[0], 105);
}

TEST(CompactClasses, AreNotMadeWhereAllKeysAreAlike) {
    KeyHistogram histogram;
    histogram.tiles = 100;
    histogram.words.fill(10'000);
    histogram.changed.fill(100);
    EXPECT_EQ(choose_classes(histogram).count, 0u);
    EXPECT_EQ(choose_classes(KeyHistogram{}).count, 0u);
}

Bytes read_golden(const std::string& name) {
    std::ifstream stream(SOURCE_ROOT "/tests/golden/" + name, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const auto bytes = bytes_of(text);
    return Bytes(bytes.begin(), bytes.end());
}

// tests/golden/check_compact.py decodes the same file by the words of FORMAT_COMPACT.md alone.
TEST(CompactGolden, BytesStayWhatTheyAre) {
    const Bytes words = read_golden("compact_words.safetensors");
    const auto file = SafetensorsView::parse(words);
    ASSERT_TRUE(file) << file.error().detail;
    std::vector<TensorSpec> specs;
    for (const TensorView& tensor : file->tensors()) {
        if (!tensor.spec.name.starts_with("base.")) continue;
        specs.push_back(tensor.spec);
        specs.back().name = tensor.spec.name.substr(5);
    }
    const ArrayTable table = *ArrayTable::make(TensorLayout(specs));
    Bytes base(table.layout().size_bytes());
    Bytes next(table.layout().size_bytes());
    for (std::size_t array = 0; array < specs.size(); ++array) {
        const auto offset = static_cast<std::ptrdiff_t>(table.layout().offset_bytes(array));
        const TensorView* from = file->find("base." + specs[array].name);
        const TensorView* to = file->find("next." + specs[array].name);
        ASSERT_NE(to, nullptr);
        std::copy(from->data.begin(), from->data.end(), base.begin() + offset);
        std::copy(to->data.begin(), to->data.end(), next.begin() + offset);
    }
    const Bytes golden = read_golden("compact_delta.safetensors");
    Changes changes;
    const Result<Done> read = decode_compact(table, golden, 43, 41, base, changes);
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_TRUE(are_same(changes, diff(table, base, next)));
    encode_compact(table, base, next, 43, 41, {}, [&](Bytes encoded) {
        EXPECT_EQ(encoded, golden);
        return true;
    });
}

}  // namespace
}  // namespace dws
