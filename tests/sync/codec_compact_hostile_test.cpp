// Bytes that no encoder wrote. Each ends in Fault::corrupt or in changes that fit the tile; the
// sanitizers watch that nothing else is touched.
#include <gtest/gtest.h>

#include "tests/sync/codec_compact_fixture.h"

namespace dws {
namespace {

// Decodes both ways. True when the bytes are a tile.
bool survives(TileDecoder& decoder, const Bytes& tile, const TilePair& pair,
              const ExponentClasses& classes) {
    TileChanges changes;
    const Result<Done> decoded =
        decoder.decode(tile, pair.before, pair.word_bytes, classes, changes);
    Bytes patched = pair.before;
    const Result<Done> written = decoder.patch(tile, patched, pair.word_bytes, classes);
    if (!decoded) {
        EXPECT_EQ(decoded.error().fault, Fault::corrupt);
    }
    if (!written) {
        EXPECT_EQ(patched, pair.before) << "written before all of the tile was read";
        EXPECT_FALSE(decoded);
    }
    if (!decoded) return false;
    for (std::size_t index = 0; index < changes.size(); ++index) {
        EXPECT_LT(changes.positions[index], pair.words());
        if (index > 0) {
            EXPECT_LT(changes.positions[index - 1], changes.positions[index]);
        }
        EXPECT_NE(changes.before[index], changes.after[index]);
    }
    return true;
}

struct Encoded {
    TilePair pair;
    Bytes tile;
};

Encoded small_tile(std::size_t word_bytes, CompactMode mode, Content content, double density) {
    std::mt19937_64 random(97 + word_bytes);
    Encoded encoded{random_tile(700, word_bytes, density, content, random), {}};
    TileEncoder(mode).encode(encoded.pair.before, encoded.pair.after, word_bytes, even_classes(),
                             encoded.tile);
    return encoded;
}

std::vector<Encoded> small_tiles() {
    std::vector<Encoded> tiles;
    for (const std::size_t word_bytes : {1, 2, 4}) {
        for (const CompactMode mode : {CompactMode::flat, CompactMode::classes}) {
            for (const Content content : {Content::weights, Content::any}) {
                tiles.push_back(small_tile(word_bytes, mode, content, 0.08));
            }
        }
        tiles.push_back(small_tile(word_bytes, CompactMode::flat, Content::any, 1.0));
    }
    return tiles;
}

TEST(CompactHostile, TruncationAtEveryByteIsCorrupt) {
    TileDecoder decoder;
    for (const Encoded& encoded : small_tiles()) {
        ASSERT_TRUE(survives(decoder, encoded.tile, encoded.pair, even_classes()));
        for (std::size_t bytes = 1; bytes < encoded.tile.size(); ++bytes) {
            const Bytes cut(encoded.tile.begin(),
                            encoded.tile.begin() + static_cast<std::ptrdiff_t>(bytes));
            EXPECT_FALSE(survives(decoder, cut, encoded.pair, even_classes())) << bytes;
        }
    }
}

TEST(CompactHostile, AByteMoreIsCorrupt) {
    TileDecoder decoder;
    for (Encoded& encoded : small_tiles()) {
        encoded.tile.push_back(std::byte{0});
        EXPECT_FALSE(survives(decoder, encoded.tile, encoded.pair, even_classes()));
    }
}

TEST(CompactHostile, EveryFlippedBitEndsCleanly) {
    TileDecoder decoder;
    for (Encoded& encoded : small_tiles()) {
        std::size_t refused = 0;
        for (std::size_t bit = 0; bit < 8 * encoded.tile.size(); ++bit) {
            const auto flip = static_cast<std::byte>(1u << (bit % 8));
            encoded.tile[bit / 8] ^= flip;
            refused += !survives(decoder, encoded.tile, encoded.pair, even_classes());
            encoded.tile[bit / 8] ^= flip;
        }
        EXPECT_GT(refused, 0u);
    }
}

TEST(CompactHostile, RandomBytesEndCleanly) {
    const std::uint64_t seed = 4242;
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    TileDecoder decoder;
    for (int round = 0; round < 20'000; ++round) {
        const std::size_t word_bytes = std::size_t{1} << random() % 3;
        const std::size_t words = 1 + random() % 300;
        TilePair pair{Bytes(words * word_bytes), {}, word_bytes};
        for (std::byte& byte : pair.before) byte = static_cast<std::byte>(random());
        Bytes tile(1 + random() % (words * word_bytes + 10));
        // Few ones early make few changes, so that some rounds get past the header.
        for (std::byte& byte : tile) byte = static_cast<std::byte>(random() & random());
        survives(decoder, tile, pair, even_classes());
    }
}

// The words of the receiver may differ from the sender's: its classes then have other members.
TEST(CompactHostile, OtherWordsThanTheBaseEndCleanly) {
    std::mt19937_64 random(12);
    TileDecoder decoder;
    for (const Encoded& encoded : small_tiles()) {
        for (int round = 0; round < 20; ++round) {
            const TilePair other =
                random_tile(encoded.pair.words(), encoded.pair.word_bytes, 0.0,
                            round % 2 == 0 ? Content::any : Content::weights, random);
            survives(decoder, encoded.tile, other, even_classes());
        }
    }
}

}  // namespace
}  // namespace dws
