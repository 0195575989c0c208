#include <gtest/gtest.h>

#include <tuple>

#include "tests/sync/codec_compact_fixture.h"

namespace dws {
namespace {

void expect_same(const TileChanges& left, const TileChanges& right) {
    EXPECT_EQ(left.positions, right.positions);
    EXPECT_EQ(left.before, right.before);
    EXPECT_EQ(left.after, right.after);
}

// Encodes both ways, decodes both ways, and returns the tile.
Bytes expect_round_trip(const TilePair& pair, CompactMode mode, const ExponentClasses& classes) {
    const TileChanges expected = changes_between(pair);
    TileEncoder encoder(mode);
    Bytes tile{std::byte{0xab}};  // the encoder appends
    EXPECT_EQ(encoder.encode(pair.before, pair.after, pair.word_bytes, classes, tile),
              expected.size());
    EXPECT_EQ(tile.front(), std::byte{0xab});
    tile.erase(tile.begin());

    for (const Bytes* words : {&pair.before, &pair.after}) {
        Bytes from_list;
        EXPECT_EQ(encoder.encode(expected, *words, pair.word_bytes, classes, from_list),
                  expected.size());
        EXPECT_EQ(from_list, tile);
    }
    TileChanges unaware = expected;
    unaware.before.clear();
    Bytes from_unaware;
    EXPECT_EQ(encoder.encode(unaware, pair.before, pair.word_bytes, classes, from_unaware),
              expected.size());
    EXPECT_EQ(from_unaware, tile);

    TileDecoder decoder;
    TileChanges decoded;
    const Result<Done> read = decoder.decode(tile, pair.before, pair.word_bytes, classes, decoded);
    EXPECT_TRUE(read) << read.error().detail;
    expect_same(decoded, expected);
    Bytes patched = pair.before;
    EXPECT_TRUE(decoder.patch(tile, patched, pair.word_bytes, classes));
    EXPECT_EQ(patched, pair.after);
    return tile;
}

// From the changes alone, with no word of the tile at hand.
Bytes expect_flat_round_trip(const TilePair& pair) {
    const TileChanges expected = changes_between(pair);
    TileEncoder encoder(CompactMode::smallest);
    Bytes tile;
    EXPECT_EQ(encoder.encode_flat(expected, pair.words(), pair.word_bytes, tile), expected.size());
    TileDecoder decoder;
    TileChanges decoded;
    const Result<Done> read = decoder.decode(tile, pair.before, pair.word_bytes, {}, decoded);
    EXPECT_TRUE(read) << read.error().detail;
    expect_same(decoded, expected);
    return tile;
}

class CompactTile : public testing::TestWithParam<std::tuple<std::size_t, CompactMode, Content>> {};

TEST_P(CompactTile, ComesBackBitForBitAtEveryDensity) {
    const auto [word_bytes, mode, content] = GetParam();
    const std::uint64_t seed = 20'260'101 + word_bytes;
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (const double density : {0.0, 0.0001, 0.009, 0.022, 0.3, 0.9, 1.0}) {
        const TilePair pair = random_tile(kTileWords, word_bytes, density, content, random);
        expect_round_trip(pair, mode, classes_for(pair));
        expect_round_trip(pair, mode, even_classes());
        expect_round_trip(pair, mode, ExponentClasses{});
    }
}

TEST_P(CompactTile, ComesBackAtEveryLength) {
    const auto [word_bytes, mode, content] = GetParam();
    const std::uint64_t seed = 7 + word_bytes;
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (const std::size_t words : {1, 2, 63, 64, 65, 127, 128, 1000, 2047, 2048, 2049, 65'535}) {
        const TilePair pair = random_tile(words, word_bytes, 0.4, content, random);
        expect_round_trip(pair, mode, even_classes());
    }
}

TEST_P(CompactTile, PositionsFoundElsewhereMakeTheSameBytes) {
    const auto [word_bytes, mode, content] = GetParam();
    std::mt19937_64 random(31 + word_bytes);
    for (const std::size_t words : {kTileWords, std::size_t{1000}}) {
        const TilePair pair = random_tile(words, word_bytes, 0.03, content, random);
        TileEncoder encoder(mode);
        Bytes tile, from_found;
        encoder.encode(pair.before, pair.after, word_bytes, even_classes(), tile);
        const TileChanges changes = changes_between(pair);
        EXPECT_EQ(encoder.encode_found(changes.positions, pair.before, pair.after, word_bytes,
                                       even_classes(), from_found),
                  changes.size());
        EXPECT_EQ(from_found, tile);
    }
}

TEST_P(CompactTile, HalvesOfPatchWriteAndNameTheSameChanges) {
    const auto [word_bytes, mode, content] = GetParam();
    std::mt19937_64 random(47 + word_bytes);
    for (const double density : {0.02, 1.0}) {
        const TilePair pair = random_tile(5000, word_bytes, density, content, random);
        Bytes tile;
        TileEncoder(mode).encode(pair.before, pair.after, word_bytes, even_classes(), tile);
        Bytes words = pair.before;
        TileDecoder decoder;
        ASSERT_TRUE(decoder.read(tile, words, word_bytes, even_classes()));
        EXPECT_EQ(words, pair.before) << "written before write()";
        TileChanges written;
        decoder.write(words, word_bytes, written);
        EXPECT_EQ(words, pair.after);
        ASSERT_EQ(written.size(), changes_between(pair).size());
        for (std::size_t index = 0; index < written.size(); ++index) {
            const std::size_t position = written.positions[index];
            EXPECT_EQ(written.before[index], word_at(pair.before, word_bytes, position));
            EXPECT_EQ(written.after[index], word_at(pair.after, word_bytes, position));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, CompactTile,
                         testing::Combine(testing::Values(1, 2, 4),
                                          testing::Values(CompactMode::smallest,
                                                          CompactMode::classes, CompactMode::flat),
                                          testing::Values(Content::weights, Content::any,
                                                          Content::special)));

TEST(CompactTileEdges, WithoutChangesThereAreNoBytes) {
    const TilePair pair{Bytes(200), Bytes(200), 2};
    EXPECT_TRUE(expect_round_trip(pair, CompactMode::smallest, even_classes()).empty());
}

TEST(CompactTileEdges, FirstLastAndAdjacentWordsSurvive) {
    for (const std::size_t word_bytes : {1, 2, 4}) {
        TilePair pair{Bytes(kTileWords * word_bytes), {}, word_bytes};
        pair.after = pair.before;
        for (const std::size_t position : {0u, 1u, 63u, 64u, 65u, 65'534u, 65'535u}) {
            set_word(pair.after, word_bytes, position, 1);
        }
        expect_round_trip(pair, CompactMode::flat, even_classes());
        expect_round_trip(pair, CompactMode::classes, even_classes());
    }
}

// 65,536 changes do not fit 16 bits.
TEST(CompactTileEdges, AllWordsOfOneClassMayChange) {
    TilePair pair{Bytes(kTileWords * 2), Bytes(kTileWords * 2), 2};
    for (std::size_t position = 0; position < kTileWords; ++position) {
        set_word(pair.before, 2, position, 0x0100);
        set_word(pair.after, 2, position, position % 3 == 0 ? 0x0101 : 0x00ff);
    }
    for (const CompactMode mode : {CompactMode::flat, CompactMode::classes}) {
        const Bytes tile = expect_round_trip(pair, mode, even_classes());
        EXPECT_LT(tile.size(), kTileWords / 4 + 100);  // a bit of position and one of sign each
    }
}

TEST(CompactTileEdges, TheTwoZerosAreDifferentWords) {
    TilePair pair{Bytes(2000), Bytes(2000), 2};
    set_word(pair.after, 2, 17, 0x8000);
    set_word(pair.before, 2, 18, 0x8000);
    expect_round_trip(pair, CompactMode::flat, even_classes());
}

TEST(CompactTileEdges, NeverLongerThanItsWordsAndAByte) {
    std::mt19937_64 random(3);
    for (const std::size_t word_bytes : {1, 2, 4}) {
        const TilePair pair = random_tile(kTileWords, word_bytes, 1.0, Content::any, random);
        for (const CompactMode mode : {CompactMode::flat, CompactMode::classes}) {
            EXPECT_LE(expect_round_trip(pair, mode, even_classes()).size(), pair.after.size() + 1);
        }
    }
}

TEST(CompactTileEdges, ChangesAloneMakeAFlatTileAtEveryDensity) {
    std::mt19937_64 random(8);
    for (const std::size_t word_bytes : {1, 2, 4}) {
        for (const Content content : {Content::weights, Content::any, Content::special}) {
            for (const double density : {0.0, 0.001, 0.03, 0.5, 1.0}) {
                for (const std::size_t words : {kTileWords, std::size_t{77}}) {
                    const TilePair pair = random_tile(words, word_bytes, density, content, random);
                    expect_flat_round_trip(pair);
                }
            }
        }
    }
}

// Every change an exception or a long code, and one word untouched, so that it cannot be raw.
TEST(CompactTileEdges, AFlatTileMayBeLongerThanRaw) {
    for (const std::size_t word_bytes : {1, 2, 4}) {
        TilePair pair{Bytes(kTileWords * word_bytes), Bytes(kTileWords * word_bytes), word_bytes};
        const std::uint32_t far = std::uint32_t{1} << (8 * word_bytes - 1);
        for (std::size_t position = 1; position < kTileWords; ++position) {
            set_word(pair.after, word_bytes, position, position % 2 == 0 ? far : far / 4 - 3);
        }
        const std::size_t bytes = expect_flat_round_trip(pair).size();
        EXPECT_GT(bytes, pair.after.size() + 1);
        EXPECT_LE(bytes, longest_tile_bytes(kTileWords, word_bytes));
        set_word(pair.after, word_bytes, 0, 1);
        EXPECT_EQ(expect_flat_round_trip(pair).size(), pair.after.size() + 1) << "raw";
    }
}

TEST(CompactTileEdges, ClassesPayForWeights) {
    std::mt19937_64 random(5);
    TilePair pair = random_tile(kTileWords, 2, 0.0, Content::weights, random);
    for (std::size_t position = 0; position < kTileWords; ++position) {
        const std::uint32_t word = word_at(pair.before, 2, position);
        const unsigned key = word << 1 >> 8 & 0xff;
        if (key < 116 && random() % 4 == 0) set_word(pair.after, 2, position, word + 1);
    }
    const std::size_t flat = expect_round_trip(pair, CompactMode::flat, {}).size();
    const ExponentClasses classes = classes_for(pair);
    EXPECT_GT(classes.count, 0u);
    const std::size_t classified = expect_round_trip(pair, CompactMode::classes, classes).size();
    EXPECT_LT(classified, flat * 7 / 10);
    EXPECT_EQ(expect_round_trip(pair, CompactMode::smallest, classes).size(), classified);
}

// The fixed example of FORMAT_COMPACT.md.
TEST(CompactTileEdges, HasTheBytesOfTheDescription) {
    TilePair pair{Bytes(200), Bytes(200), 2};
    for (std::size_t position = 0; position < 100; ++position) {
        set_word(pair.before, 2, position, 0x3c00);
        set_word(pair.after, 2, position, 0x3c00);
    }
    set_word(pair.after, 2, 3, 0x3c01);
    set_word(pair.after, 2, 10, 0x3bff);
    set_word(pair.after, 2, 11, 0x3c05);
    set_word(pair.after, 2, 40, 0xbc00);
    const Bytes tile = expect_round_trip(pair, CompactMode::flat, {});
    std::vector<int> bytes;
    for (const std::byte byte : tile) bytes.push_back(std::to_integer<int>(byte));
    EXPECT_EQ(bytes, (std::vector<int>{0x3d, 0x38, 0x1f, 0x90, 0x00, 0x00, 0x33, 0x08, 0x0d, 0x03,
                                       0x00, 0x00, 0xbc, 0x47, 0x02, 0x01, 0x03}));
}

// Which words of every width fall where, asked of each set of kernels this machine can run.
TEST(CompactKernels, AllSayTheSame) {
    const std::uint64_t seed = 11;
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (const std::size_t word_bytes : {1, 2, 4}) {
        for (const Content content : {Content::weights, Content::any}) {
            for (const std::size_t words : {kTileWords, std::size_t{1000}}) {
                const TilePair pair = random_tile(words, word_bytes, 0.05, content, random);
                std::vector<Bytes> tiles;
                for (const CompactKernels* kernels : runnable_compact_kernels()) {
                    SCOPED_TRACE(kernels->name);
                    TileEncoder encoder(CompactMode::classes, *kernels);
                    Bytes tile;
                    encoder.encode(pair.before, pair.after, word_bytes, even_classes(), tile);
                    Bytes patched = pair.before;
                    TileDecoder decoder(*kernels);
                    ASSERT_TRUE(decoder.patch(tile, patched, word_bytes, even_classes()));
                    EXPECT_EQ(patched, pair.after);
                    tiles.push_back(tile);
                    EXPECT_EQ(tile, tiles.front());
                }
            }
        }
    }
}

}  // namespace
}  // namespace dws
