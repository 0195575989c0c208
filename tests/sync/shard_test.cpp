#include "sync/ranks/shard.h"

#include <gtest/gtest.h>

#include "sync/codec/delta_file.h"
#include "tests/support/random_arrays.h"

namespace dws {
namespace {

// Six tiles; tile 2 begins in the middle of embed.weight, tile 3 begins head.weight.
ArrayTable table_of_tiles() { return mixed_table(DType::kBF16); }

TEST(Shard, EvenShardsHoldEveryTileOnce) {
    const ArrayTable table = table_of_tiles();
    for (std::size_t ranks = 1; ranks < 9; ++ranks) {
        const std::vector<ShardRange> shards = even_shards(table, ranks);
        EXPECT_EQ(shards.size(), ranks);
        EXPECT_EQ(shards_fault(table, shards, Encoding::flat), "") << ranks << " ranks";
    }
}

TEST(Shard, TilesLeftOutOrHeldTwiceAreNamed) {
    const ArrayTable table = table_of_tiles();
    const std::size_t tiles = table.tiles();
    const auto fault = [&](std::vector<ShardRange> shards) {
        return shards_fault(table, shards, Encoding::smallest);
    };
    EXPECT_EQ(fault({{0, 2}, {2, tiles - 2}}), "");
    EXPECT_EQ(fault({{2, tiles - 2}, {0, 2}}), "") << "the ranks' order is free";
    EXPECT_NE(fault({{0, 2}, {3, tiles - 3}}).find("tile 2"), std::string::npos);
    EXPECT_NE(fault({{0, 3}, {2, tiles - 2}}).find("tile 2"), std::string::npos);
    EXPECT_NE(fault({{0, tiles - 1}}).find("leave out"), std::string::npos);
    EXPECT_NE(fault({{0, tiles + 1}}).find("after the last"), std::string::npos);
    EXPECT_NE(fault({{0, SIZE_MAX}}).find("after the last"), std::string::npos);
    EXPECT_NE(fault({}).find("leave out"), std::string::npos);
}

// `<name>.idx` may stand in one file of a version only.
TEST(Shard, InterchangeDoesNotDivideArrays) {
    const ArrayTable table = table_of_tiles();
    const std::vector<ShardRange> divides{{0, 2}, {2, table.tiles() - 2}};
    const std::vector<ShardRange> between{{0, 3}, {3, table.tiles() - 3}};
    EXPECT_NE(shards_fault(table, divides, Encoding::gap_delta).find("inside an array"),
              std::string::npos);
    EXPECT_EQ(shards_fault(table, between, Encoding::gap_delta), "");
}

// The shard's part of the changes.
Changes part_of(const Changes& changes, const ShardRange& shard) {
    Changes part;
    for (const auto& [tile, tile_changes] : changes)
        if (shard.holds(tile)) part.emplace(tile, tile_changes);
    return part;
}

TEST(Shard, FilesOfAllShardsAreOneOrdinaryDelta) {
    for (const DType dtype : {DType::kU8, DType::kBF16, DType::kF32}) {
        for (const std::size_t file_bytes : {std::size_t{1}, std::size_t{1} << 30}) {
            SCOPED_TRACE(name_of(dtype));
            Random random(7);
            const ArrayTable table = mixed_table(dtype);
            const Bytes base = random_words(table, random);
            const Bytes next = changed_words(table, base, 0.01, random);
            const Changes changes = diff(table, base, next);
            Changes decoded;
            for (const ShardRange& shard : even_shards(table, 3)) {
                std::size_t files = 0;
                const auto take = [&](Bytes file) {
                    ++files;
                    return bool(decode_delta_file(table, file, 8, 7, base, decoded));
                };
                ASSERT_TRUE(encode_shard(table, part_of(changes, shard), {8, 7}, Encoding::smallest,
                                         file_bytes, take));
                EXPECT_EQ(files, file_bytes == 1 ? shard.tiles : 1);
            }
            Bytes patched = base;
            patch(table, decoded, patched);
            EXPECT_EQ(diff(table, patched, next).size(), 0u);
        }
    }
}

TEST(Shard, AnUntouchedShardHasNoFiles) {
    const ArrayTable table = table_of_tiles();
    for (const Encoding encoding : {Encoding::flat, Encoding::gap_delta}) {
        EXPECT_TRUE(encode_shard(table, {}, {1, 0}, encoding, 1, [](Bytes) { return false; }));
    }
}

TEST(Shard, ASinkThatStopsEndsTheEncoding) {
    Random random(9);
    const ArrayTable table = table_of_tiles();
    const Bytes base = random_words(table, random);
    const Changes changes = diff(table, base, changed_words(table, base, 0.01, random));
    std::size_t files = 0;
    EXPECT_FALSE(encode_shard(table, changes, {1, 0}, Encoding::flat, 1, [&](Bytes) {
        ++files;
        return false;
    }));
    EXPECT_EQ(files, 1u);
}

}  // namespace
}  // namespace dws
