// An array of more than 2^32 words. Its buffer is address space only: pages that nobody touches
// cost nothing, and a delta of a list of changes touches the changed tiles alone.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>

#include "base/safetensors.h"
#include "sync/codec/compact.h"
#include "sync/digest.h"
#include "tests/support/random_arrays.h"

namespace dws {
namespace {

class SparseBuffer {
public:
    explicit SparseBuffer(std::size_t bytes)
        : bytes_(bytes),
          start_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
    ~SparseBuffer() {
        if (is_mapped()) munmap(start_, bytes_);
    }
    SparseBuffer(const SparseBuffer&) = delete;
    SparseBuffer& operator=(const SparseBuffer&) = delete;

    bool is_mapped() const { return start_ != MAP_FAILED; }
    std::span<std::byte> words() const { return {static_cast<std::byte*>(start_), bytes_}; }

private:
    const std::size_t bytes_;
    void* const start_;
};

constexpr std::uint64_t kHugeWords = (std::uint64_t{1} << 32) + 70'001;
// The last position that 31 and 32 bits hold, the first that they do not, and both ends.
constexpr std::uint64_t kPositions[] = {0,
                                        (1ull << 31) - 1,
                                        1ull << 31,
                                        (1ull << 32) - 1,
                                        1ull << 32,
                                        (1ull << 32) + 65'535,
                                        (1ull << 32) + 65'536,
                                        kHugeWords - 1};

ArrayTable huge_table() {
    return make_table({{"before", DType::kBF16, {3}},
                       {"huge", DType::kBF16, {static_cast<std::int64_t>(kHugeWords)}},
                       {"after", DType::kF32, {5}}});
}

// The given words of the huge array take the given step, from whatever stands there.
Changes changes_at(const ArrayTable& table, std::span<const std::byte> base,
                   std::span<const std::uint64_t> positions) {
    Changes changes;
    for (const std::uint64_t position : positions) {
        const std::size_t index = table.first_tile(1) + position / kTileWords;
        const std::uint32_t word = read_word(base, table.tile(index), position % kTileWords);
        changes[index].positions.push_back(static_cast<std::uint16_t>(position % kTileWords));
        changes[index].before.push_back(word);
        changes[index].after.push_back(word + 1);
    }
    return changes;
}

class HugeArray : public testing::Test {
protected:
    void SetUp() override {
        if (!buffer_.is_mapped()) GTEST_SKIP() << "no 8.6 GB of address space on this machine";
        for (const std::uint64_t position : kPositions) write(position, 0x3c00);
        changes_ = changes_at(table_, buffer_.words(), kPositions);
    }

    std::uint32_t read(std::uint64_t position) const {
        return read_word(buffer_.words(), tile_of(position), position % kTileWords);
    }
    void write(std::uint64_t position, std::uint32_t word) {
        write_word(buffer_.words(), tile_of(position), position % kTileWords, word);
    }
    Tile tile_of(std::uint64_t position) const {
        return table_.tile(table_.first_tile(1) + position / kTileWords);
    }

    void expect_same_changes(const Changes& decoded) const {
        ASSERT_EQ(decoded.size(), changes_.size());
        for (const auto& [index, list] : changes_) {
            ASSERT_TRUE(decoded.contains(index)) << index;
            EXPECT_EQ(decoded.at(index).positions, list.positions) << index;
            EXPECT_EQ(decoded.at(index).after, list.after) << index;
        }
    }

    const ArrayTable table_ = huge_table();
    const SparseBuffer buffer_{table_.layout().size_bytes()};
    Changes changes_;
};

TEST_F(HugeArray, TilesKnowTheirWordsAndBytes) {
    EXPECT_EQ(table_.words(), 3 + kHugeWords + 5);
    EXPECT_EQ(table_.tiles(), 1 + 65'536 + 2 + 1);
    EXPECT_EQ(table_.first_tile(2), 65'539u);
    for (const std::uint64_t position : kPositions) {
        const Tile tile = tile_of(position);
        EXPECT_EQ(tile.array, 1u);
        EXPECT_EQ(tile.first_word, position / kTileWords * kTileWords);
        EXPECT_EQ(tile.offset_bytes, 64 + 2 * tile.first_word);
        EXPECT_LT(position - tile.first_word, tile.words);
    }
    EXPECT_EQ(tile_of(kHugeWords - 1).words, 70'001 - kTileWords);
}

TEST_F(HugeArray, SurvivesTheCompactCodec) {
    for (const CompactMode mode : {CompactMode::classes, CompactMode::flat}) {
        Changes decoded;
        Bytes made;
        ASSERT_TRUE(encode_compact(table_, changes_, buffer_.words(), 2, 1, {.mode = mode},
                                   [&](Bytes file) {
                                       made = std::move(file);
                                       return true;
                                   }));
        const Result<Done> read = decode_compact(table_, made, 2, 1, buffer_.words(), decoded);
        ASSERT_TRUE(read) << read.error().detail;
        expect_same_changes(decoded);
        if (mode != CompactMode::flat) continue;
        ASSERT_TRUE(patch_compact(table_, made, 2, 1, buffer_.words(), 2));
        for (const std::uint64_t position : kPositions) {
            EXPECT_EQ(this->read(position), 0x3c01u) << position;
            const bool is_alone = position > 0 && !std::ranges::count(kPositions, position - 1);
            if (is_alone) {
                EXPECT_EQ(this->read(position - 1), 0u) << position;
            }
        }
    }
}

TEST_F(HugeArray, SurvivesInterchangeWithPositionsAndGapsOf64Bits) {
    const std::uint64_t far[] = {0, kHugeWords - 1};  // a gap above 2^32-1
    for (const auto& [changes, encoding, dtype] :
         {std::tuple{changes_, Encoding::raw, DType::kI64},
          std::tuple{changes_, Encoding::gap_delta, DType::kU32},
          std::tuple{changes_at(table_, buffer_.words(), far), Encoding::gap_delta, DType::kU64}}) {
        Bytes made;
        ASSERT_TRUE(encode_delta(table_, changes, 2, encoding, SIZE_MAX, [&](Bytes file) {
            made = std::move(file);
            return true;
        }));
        EXPECT_EQ(SafetensorsView::parse(made)->find("huge.idx")->spec.dtype, dtype);
        Changes decoded;
        const Result<Done> read = decode_delta(table_, made, 2, decoded);
        ASSERT_TRUE(read) << read.error().detail;
        changes_ = changes;
        expect_same_changes(decoded);
    }
}

// The digest counts words from the array's start: past 2^32 the positions must not wrap.
TEST_F(HugeArray, TheDigestTellsPositionsApartThatDifferBy2To32) {
    const std::size_t low = table_.first_tile(1);
    const std::size_t high = low + 65'536;  // 2^32 words further
    EXPECT_NE(digest_tile(table_, low, buffer_.words()),
              digest_tile(table_, high, buffer_.words()));
    Digest after = digest_tile(table_, high, buffer_.words());
    after += digest_change(table_, high, changes_.at(high));
    patch(table_, changes_, buffer_.words());
    EXPECT_EQ(digest_tile(table_, high, buffer_.words()), after);
    Digest by_hand;
    const Tile tile = table_.tile(high);
    for (std::size_t word = 0; word < tile.words; ++word) {
        by_hand +=
            mix(array_seed("huge"), (1ull << 32) + word, read_word(buffer_.words(), tile, word));
    }
    EXPECT_EQ(by_hand, after);
}

}  // namespace
}  // namespace dws
