#include "sync/road.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <optional>
#include <random>
#include <string>

namespace dws {
namespace {

// Pieces between versions, with records that name them.
class Map {
public:
    void add(std::int64_t base, std::int64_t version, std::uint64_t bytes) {
        Record record;
        record.kind = base < 0 ? RecordKind::anchor : RecordKind::delta;
        record.version = version;
        record.base_version = base;
        record.objects = {{"objects/o", bytes, ""}};
        records_.push_back(std::move(record));
        pieces_.push_back({base, version, bytes, &records_.back()});
    }
    Road road(std::int64_t held, std::int64_t target) const {
        std::vector<RoadPiece> sorted = pieces_;
        std::ranges::stable_sort(sorted, {}, &RoadPiece::version);
        return cheapest_road(sorted, held, target);
    }
    const std::vector<RoadPiece>& pieces() const { return pieces_; }

private:
    std::deque<Record> records_;
    std::vector<RoadPiece> pieces_;
};

std::uint64_t bytes_of(const Road& road) {
    std::uint64_t bytes = 0;
    for (const Record* piece : road) bytes += fetched_bytes(*piece);
    return bytes;
}

std::string text_of(const Road& road) {
    std::string text;
    for (const Record* piece : road)
        text += std::to_string(piece->base_version) + ">" + std::to_string(piece->version) + " ";
    return text;
}

// An anchor and a delta of 10 bytes to each of the versions up to `newest`.
Map log_up_to(std::int64_t newest) {
    Map map;
    map.add(-1, 0, 1'000);
    for (std::int64_t version = 1; version <= newest; ++version) map.add(version - 1, version, 10);
    return map;
}

TEST(Road, FollowsTheLogWhereThereIsNothingElse) {
    const Map map = log_up_to(3);
    EXPECT_EQ(text_of(map.road(-1, 3)), "-1>0 0>1 1>2 2>3 ");
    EXPECT_EQ(text_of(map.road(1, 3)), "1>2 2>3 ");
    EXPECT_EQ(text_of(map.road(1, 2)), "1>2 ");
    EXPECT_EQ(text_of(map.road(3, 3)), "");
    EXPECT_EQ(text_of(map.road(7, 9)), "");
}

TEST(Road, TakesAFoldOrAnAnchorOnlyWhereItSavesBytes) {
    Map map = log_up_to(9);
    map.add(2, 6, 41);
    EXPECT_EQ(map.road(2, 6).size(), 4u) << "41 bytes instead of 40";
    map.add(2, 7, 49);
    EXPECT_EQ(text_of(map.road(2, 7)), "2>7 ");
    EXPECT_EQ(text_of(map.road(1, 8)), "1>2 2>7 7>8 ");
    EXPECT_EQ(map.road(3, 7).size(), 4u) << "a fold serves only who holds its base";
    map.add(-1, 8, 50);
    EXPECT_EQ(text_of(map.road(-1, 9)), "-1>8 8>9 ");
    EXPECT_EQ(text_of(map.road(1, 9)), "-1>8 8>9 ") << "also for who holds a version";
    EXPECT_EQ(text_of(map.road(5, 9)), "5>6 6>7 7>8 8>9 ");
}

TEST(Road, AmongEqualBytesTakesTheFewestPieces) {
    Map map = log_up_to(4);
    map.add(0, 4, 40);
    map.add(0, 2, 20);
    EXPECT_EQ(text_of(map.road(0, 4)), "0>4 ");
    EXPECT_EQ(text_of(map.road(0, 3)), "0>2 2>3 ");
}

TEST(Road, ReachesAsFarAsPiecesLeadAndNeverPastTheTarget) {
    Map map;
    map.add(-1, 0, 100);
    map.add(0, 1, 10);
    map.add(2, 3, 10);  // nothing leads to 2
    map.add(0, 9, 1);
    EXPECT_EQ(text_of(map.road(0, 5)), "0>1 ");
    EXPECT_EQ(text_of(map.road(1, 5)), "");
    EXPECT_EQ(text_of(map.road(1, 9)), "") << "nobody goes back to a version below their own";
}

TEST(Road, CountsOnlyWhatIsFetchedAndNeverWraps) {
    Record record;
    record.objects = {{"objects/delta-1", 7, ""}, {"objects/file-readme", 1'000, ""}};
    EXPECT_EQ(fetched_bytes(record), 7u);
    record.objects.assign(3, {"objects/delta-1", UINT64_MAX / 2, ""});
    EXPECT_EQ(fetched_bytes(record), UINT64_MAX);
    Map map;
    map.add(-1, 0, UINT64_MAX);
    map.add(0, 1, UINT64_MAX);
    map.add(-1, 1, 5);
    EXPECT_EQ(text_of(map.road(-1, 1)), "-1>1 ");
}

// All roads there are, one by one.
std::optional<std::uint64_t> fewest_bytes(const Map& map, std::int64_t held, std::int64_t target) {
    std::optional<std::uint64_t> best;
    const std::function<void(std::int64_t, std::uint64_t)> go = [&](std::int64_t at,
                                                                    std::uint64_t bytes) {
        if (at == target && (!best || bytes < *best)) best = bytes;
        for (const RoadPiece& piece : map.pieces())
            if (piece.base_version == at && piece.version > held && piece.version <= target)
                go(piece.version, bytes + piece.bytes);
    };
    go(-1, 0);
    if (held >= 0) go(held, 0);
    return best;
}

TEST(Road, OnRandomMapsIsTheCheapestOfAllAndNeverDearerThanReplaying) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (int round = 0; round < 500; ++round) {
        Map map;
        map.add(-1, 0, 1 + random() % 100);
        const auto newest = static_cast<std::int64_t>(1 + random() % 8);
        std::uint64_t replay = 0;
        const auto held = static_cast<std::int64_t>(random() % 9) % (newest + 1) - 1;
        for (std::int64_t version = 1; version <= newest; ++version) {
            map.add(version - 1, version, 1 + random() % 30);
            if (version > held) replay += map.pieces().back().bytes;
        }
        if (held < 0) replay += map.pieces().front().bytes;
        for (std::uint64_t jump = random() % 8; jump > 0; --jump) {
            const auto version = static_cast<std::int64_t>(1 + random() % 8) % newest + 1;
            const auto base = static_cast<std::int64_t>(random() % 9) % (version + 1) - 1;
            map.add(base, version, 1 + random() % 100);
        }
        const Road road = map.road(held, newest);
        ASSERT_FALSE(road.empty());
        ASSERT_EQ(road.back()->version, newest);
        ASSERT_EQ(bytes_of(road), *fewest_bytes(map, held, newest)) << "round " << round;
        ASSERT_LE(bytes_of(road), replay);
        std::int64_t at = road.front()->base_version < 0 ? -1 : held;
        for (const Record* piece : road) {
            ASSERT_EQ(piece->base_version, at);
            at = piece->version;
        }
    }
}

// Levels of 10 and 100, as a compactor that folds folds would write them.
TEST(Road, AHundredVersionsCostWhatTheFoldsCost) {
    Map map = log_up_to(200);
    for (std::int64_t version = 10; version <= 200; version += 10)
        map.add(version - 10, version, 30);
    map.add(0, 100, 90);
    map.add(100, 200, 90);
    EXPECT_EQ(bytes_of(map.road(0, 100)), 90u);
    EXPECT_EQ(bytes_of(map.road(95, 195)), 5 * 10u + 9 * 30u + 5 * 10u);
    EXPECT_EQ(bytes_of(map.road(99, 200)), 10u + 90u);
}

}  // namespace
}  // namespace dws
