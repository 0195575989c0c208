// Bytes that no encoder wrote. Each ends in Fault::corrupt or in changes that fit the tile; the
// sanitizers watch that nothing else is touched.
#include <gtest/gtest.h>

#include "sync/replica.h"
#include "tests/support/random_arrays.h"
#include "tests/support/records.h"
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

TEST(CompactHostile, LongerThanAnyTileIsCorrupt) {
    TileDecoder decoder;
    for (const std::size_t words : {std::size_t{1}, std::size_t{700}, kTileWords}) {
        const Bytes before(4 * words);
        const Bytes tile(longest_tile_bytes(words, 4) + 1, std::byte{0x11});
        EXPECT_FALSE(decoder.read(tile, before, 4, {}));
        EXPECT_FALSE(decoder.read(std::span(tile).first(tile.size() - 1), before, 4, {}));
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

// A whole delta of several arrays, and a replica that holds its base.
class ForeignCompactDelta : public testing::TestWithParam<std::tuple<CompactMode, Content>> {
protected:
    void SetUp() override {
        const auto [mode, content] = GetParam();
        Random random(61);
        for (std::size_t index = 0; index < table_.tiles(); ++index) {
            const Tile tile = table_.tile(index);
            const TilePair pair = random_tile(tile.words, tile.word_bytes,
                                              content == Content::any ? 1.0 : 0.0, content, random);
            for (std::size_t position = 0; position < tile.words; ++position) {
                const std::uint32_t before = word_at(pair.before, tile.word_bytes, position);
                std::uint32_t after = word_at(pair.after, tile.word_bytes, position);
                // Small weights change, so that classes pay, a few of them by more than a step.
                const bool is_small = content == Content::weights && (before >> 7 & 0xff) < 120;
                if (is_small && random() % 2 == 0) after = before + (random() % 8 == 0 ? 101 : 1);
                write_word(base_, tile, position, before);
                write_word(next_, tile, position, after);
            }
        }
        ASSERT_TRUE(encode_compact(table_, base_, next_, 1, 0, {.mode = mode}, [&](Bytes file) {
            file_ = std::move(file);
            return true;
        }));
        anchor_.version = 0;
        anchor_.layout_hash = table_.layout_hash();
        anchor_.digest = sum(digest_tiles(table_, base_));
        record_ = delta_draft(0, 1);
        record_.layout_hash = table_.layout_hash();
        record_.changed_words = count(diff(table_, base_, next_));
        record_.digest = sum(digest_tiles(table_, next_));
    }

    const ArrayTable table_ = make_table(
        {{"a", DType::kBF16, {2, 300}}, {"b", DType::kI8, {12}}, {"c", DType::kF32, {20}}});
    Bytes base_ = Bytes(table_.layout().size_bytes());
    Bytes next_ = base_;
    Bytes file_;
    Record anchor_, record_;
};
INSTANTIATE_TEST_SUITE_P(All, ForeignCompactDelta,
                         testing::Values(std::tuple{CompactMode::flat, Content::weights},
                                         std::tuple{CompactMode::classes, Content::weights},
                                         std::tuple{CompactMode::flat, Content::any}));

TEST_P(ForeignCompactDelta, HasClassesAndRawTilesWhereItIsMeantTo) {
    const auto [mode, content] = GetParam();
    const std::string_view text = text_of(file_);
    EXPECT_EQ(text.find("classes.BF16") != std::string_view::npos, mode == CompactMode::classes);
    const bool is_long = file_.size() > 2 * 600;  // words as they are
    EXPECT_EQ(is_long, content == Content::any);
}

TEST_P(ForeignCompactDelta, EveryTruncationEndsInCorrupt) {
    for (std::size_t length = 0; length < file_.size(); ++length) {
        Changes changes;
        const Result<Done> decoded =
            decode_compact(table_, std::span(file_).first(length), 1, 0, base_, changes);
        ASSERT_FALSE(decoded) << length;
        EXPECT_EQ(decoded.error().fault, Fault::corrupt);
    }
}

// The record's SHA-256 finds every flip before decoding; this is what stands behind it.
TEST_P(ForeignCompactDelta, EveryFlippedBitEndsInCorruptOrInTheWrongDigestOrChangesNothing) {
    Bytes live = base_;
    Replica replica(table_, live);
    replica.commit(*replica.stage_anchor(anchor_, base_));
    std::size_t refused_by_digest = 0;
    std::size_t accepted = 0;
    for (std::size_t bit = 0; bit < 8 * file_.size(); ++bit) {
        Bytes flipped = file_;
        flipped[bit / 8] ^= std::byte{1} << (bit % 8);
        Changes changes;
        const Result<Done> decoded = decode_compact(table_, flipped, 1, 0, base_, changes);
        if (!decoded) {
            EXPECT_EQ(decoded.error().fault, Fault::corrupt) << bit;
            continue;
        }
        const Result<StagedVersion> staged = replica.stage_delta(record_, changes);
        if (!staged) {
            EXPECT_TRUE(staged.error().fault == Fault::wrong_base ||
                        staged.error().fault == Fault::corrupt);
            ++refused_by_digest;
            continue;
        }
        // Only where the header says nothing of consequence ("total_words").
        Bytes copy = base_;
        patch(table_, staged->changes, copy);
        EXPECT_TRUE(diff(table_, copy, next_).empty()) << bit;
        ++accepted;
    }
    EXPECT_GT(refused_by_digest, 0u);
    EXPECT_LT(accepted, 500u);  // of 5,000 and more
    EXPECT_EQ(live, base_);
}

}  // namespace
}  // namespace dws
