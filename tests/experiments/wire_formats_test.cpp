// Whether a format under measurement does its work: a peer that loses words would look fast.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "experiments/wire/measure.h"

namespace dws {
namespace {

constexpr std::size_t kWords = 5'000'000;  // more than one piece of every format

// Arrays of an even and of an odd length; `changed` are positions in the flat buffer.
VersionPair pair_of(const std::vector<std::size_t>& changed) {
    const auto first = static_cast<std::int64_t>(kWords - 4097);
    const ArrayTable table = *ArrayTable::make(
        TensorLayout({{"first", DType::kBF16, {first}}, {"second", DType::kF16, {4097}}}));
    Bytes base(table.layout().size_bytes());
    std::mt19937_64 random(7);  // any seed: the words only have to differ
    for (std::size_t array = 0; array < 2; ++array) {
        const std::size_t offset = table.layout().offset_bytes(array);
        const std::size_t bytes = 2 * table.layout().specs()[array].elements();
        for (std::size_t byte = 0; byte < bytes; ++byte) {
            base[offset + byte] = static_cast<std::byte>(random());
        }
    }
    Bytes next = base;
    for (const std::size_t position : changed) next[2 * position] ^= std::byte{1};
    return VersionPair("test", table, std::move(base), std::move(next));
}

WireFormats all_formats() {
    WireFormats formats = make_compact_formats();
    for (auto& peer : make_peer_formats()) formats.push_back(std::move(peer));
    return formats;
}

// One and two threads, and buffers that are used again.
void expect_round_trip(const VersionPair& pair) {
    for (const auto& format : all_formats()) {
        for (const std::size_t threads : {1, 2, 1}) {
            format->encode(pair, threads);
            Bytes words = pair.base;
            ASSERT_TRUE(format->patch(pair, words, threads)) << format->name();
            EXPECT_TRUE(words == pair.next) << format->name() << ", " << threads << " threads";
        }
    }
}

std::uint64_t bytes_of(const std::string& name, const VersionPair& pair) {
    for (const auto& format : all_formats()) {
        if (format->name() != name) continue;
        format->encode(pair, 2);
        return format->encoded_bytes();
    }
    ADD_FAILURE() << "no format " << name;
    return 0;
}

std::vector<std::size_t> every(std::size_t stride) {
    std::vector<std::size_t> positions;
    for (std::size_t position = 0; position < kWords - 4097; position += stride) {
        positions.push_back(position);
    }
    return positions;
}

TEST(WireFormats, GiveBackAVersionWithoutChanges) { expect_round_trip(pair_of({})); }

TEST(WireFormats, GiveBackFirstLastAndAdjacentWords) {
    const VersionPair pair = pair_of({0, 1, 65'535, 65'536, kWords - 4098});
    EXPECT_EQ(pair.changed_words, 5u);
    expect_round_trip(pair);
}

TEST(WireFormats, GiveBackAVersionInWhichEveryWordChanged) { expect_round_trip(pair_of(every(1))); }

TEST(WireFormats, GiveBackGapsOfAnyWidth) {
    std::vector<std::size_t> positions;
    for (std::size_t gap = 1, position = 0; position < kWords - 4097; gap *= 2) {
        positions.push_back(position);
        position += gap;
    }
    expect_round_trip(pair_of(positions));
}

TEST(WireFormats, GiveBackAHundredthOfTheWords) { expect_round_trip(pair_of(every(97))); }

TEST(WireFormats, ForgetTheVersionBefore) {
    const VersionPair many = pair_of(every(3));
    const VersionPair few = pair_of({4, 5});
    for (const auto& format : all_formats()) {
        format->encode(many, 2);
        format->encode(few, 2);
        Bytes words = few.base;
        ASSERT_TRUE(format->patch(few, words, 2));
        EXPECT_TRUE(words == few.next) << format->name();
    }
}

// Widths as in the systems they stand for; pieces and arrays have no headers.
TEST(WireFormats, PeersTakeTheBytesTheirSystemsTake) {
    const VersionPair pair = pair_of(every(97));
    EXPECT_EQ(bytes_of("raw", pair), 6 * pair.changed_words);
    EXPECT_EQ(bytes_of("gap_delta", pair), 4 * pair.changed_words);
    EXPECT_LT(bytes_of("gap_delta+zstd", pair), 4 * pair.changed_words);
    // 65,535 unchanged words between two changes fit, one more does not.
    EXPECT_EQ(bytes_of("gap_delta", pair_of({10, 10 + 65'536})), 8u);
    EXPECT_EQ(bytes_of("gap_delta", pair_of({10, 10 + 65'537})), 12u);
}

class LosesAWord : public WireFormat {
public:
    const std::string& name() const override { return name_; }
    void encode(const VersionPair&, std::size_t) override {}
    std::uint64_t encoded_bytes() const override { return 0; }
    bool patch(const VersionPair& pair, std::span<std::byte> words, std::size_t) override {
        std::memcpy(words.data(), pair.next.data(), words.size());
        words[2] ^= std::byte{1};
        return true;
    }

private:
    const std::string name_ = "loses a word";
};

TEST(Measure, RefusesAFormatThatLosesAWord) {
    const VersionPair pair = pair_of({1, 2, 3});
    LosesAWord format;
    Bytes words;
    EXPECT_THROW(measure(pair, format, 1, words), std::runtime_error);
}

TEST(Measure, TakesTheMiddleOfEachTime) {
    const Timing middle = median({{1, 30}, {3, 10}, {2, 20}});
    EXPECT_EQ(middle.wall_s, 2);
    EXPECT_EQ(middle.cpu_s, 20);
}

}  // namespace
}  // namespace dws
