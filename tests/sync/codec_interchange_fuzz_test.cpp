// Deltas and anchors that nobody vouches for: cut, flipped, and well-formed but untrue.
#include <gtest/gtest.h>

#include "base/safetensors.h"
#include "sync/codec/interchange.h"
#include "sync/replica.h"
#include "tests/support/random_arrays.h"
#include "tests/support/records.h"

namespace dws {
namespace {

// Two small arrays, a base, a next version, and the delta between them.
class ForeignDelta : public testing::TestWithParam<Encoding> {
protected:
    void SetUp() override {
        Random random(31);
        base_ = random_words(table_, random);
        next_ = changed_words(table_, base_, 0.2, random);
        write_word(next_, table_.tile(1), 0, ~read_word(base_, table_.tile(1), 0));
        const Changes changes = diff(table_, base_, next_);
        encode_delta(table_, changes, 1, GetParam(), 1u << 30, [&](Bytes file) {
            file_ = std::move(file);
            return true;
        });
        anchor_.version = 0;
        anchor_.layout_hash = table_.layout_hash();
        anchor_.digest = sum(digest_tiles(table_, base_));
        record_ = delta_draft(0, 1);
        record_.layout_hash = table_.layout_hash();
        record_.changed_words = count(changes);
        record_.digest = sum(digest_tiles(table_, next_));
    }

    const ArrayTable table_ =
        make_table({{"a", DType::kBF16, {5, 8}}, {"b", DType::kF8E4M3, {12}}});
    Bytes base_, next_, file_;
    Record anchor_, record_;
};
INSTANTIATE_TEST_SUITE_P(Encodings, ForeignDelta,
                         testing::Values(Encoding::raw, Encoding::gap_delta));

TEST_P(ForeignDelta, EveryTruncationEndsInCorrupt) {
    for (std::size_t length = 0; length < file_.size(); ++length) {
        Changes changes;
        const Result<Done> decoded =
            decode_delta(table_, std::span(file_).first(length), 1, changes);
        ASSERT_FALSE(decoded) << length;
        EXPECT_EQ(decoded.error().fault, Fault::corrupt);
        EXPECT_TRUE(changes.empty());
    }
}

// The record's SHA-256 finds every flip before decoding; this is what stands behind it.
TEST_P(ForeignDelta, EveryFlippedBitEndsInCorruptOrInTheWrongDigestOrChangesNothing) {
    Bytes live = base_;
    Replica replica(table_, live);
    replica.commit(*replica.stage_anchor(anchor_, base_));
    int accepted = 0;
    for (std::size_t bit = 0; bit < 8 * file_.size(); ++bit) {
        Bytes flipped = file_;
        flipped[bit / 8] ^= std::byte{1} << (bit % 8);
        Changes changes;
        const Result<Done> decoded = decode_delta(table_, flipped, 1, changes);
        if (!decoded) {
            EXPECT_EQ(decoded.error().fault, Fault::corrupt) << bit;
            EXPECT_TRUE(changes.empty()) << bit;
            continue;
        }
        const Result<StagedVersion> staged = replica.stage_delta(record_, changes);
        if (!staged) {
            EXPECT_TRUE(staged.error().fault == Fault::wrong_base ||
                        staged.error().fault == Fault::corrupt);
            continue;
        }
        // Only where the header says nothing of consequence ("sparsity", spare spaces).
        Bytes copy = base_;
        patch(table_, staged->changes, copy);
        EXPECT_TRUE(diff(table_, copy, next_).empty()) << bit;
        ++accepted;
    }
    EXPECT_LT(accepted, 1'000);  // of about 4,000
    EXPECT_EQ(live, base_);
}

TEST_P(ForeignDelta, IsRefusedUnderAnotherVersion) {
    Changes changes;
    const Result<Done> decoded = decode_delta(table_, file_, 2, changes);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().fault, Fault::corrupt);
}

TEST_P(ForeignDelta, AnArraySeenBeforeIsRefusedAndChangesStayAsTheyWere) {
    Changes changes;
    ASSERT_TRUE(decode_delta(table_, file_, 1, changes));
    const std::uint64_t words = count(changes);
    EXPECT_EQ(decode_delta(table_, file_, 1, changes).error().fault, Fault::corrupt);
    EXPECT_EQ(count(changes), words);
}

// Files that are sound safetensors and untrue as deltas, built by hand.
class UntrueDelta : public testing::Test {
protected:
    template <class Number>
    static Bytes bytes_of_numbers(std::initializer_list<Number> numbers) {
        const auto bytes = std::as_bytes(std::span(numbers.begin(), numbers.size()));
        return Bytes(bytes.begin(), bytes.end());
    }

    void add(const std::string& name, DType dtype, std::vector<std::int64_t> shape, Bytes bytes) {
        bytes_.push_back(std::move(bytes));
        specs_.push_back({name, dtype, std::move(shape)});
    }
    void add_values(std::int64_t words) {
        add("a.val", DType::kBF16, {words}, Bytes(static_cast<std::size_t>(2 * words)));
    }

    void expect_corrupt(const std::string& encoding, const std::string& part_of_detail,
                        const Metadata& changed = {}) {
        std::vector<TensorView> tensors;
        std::size_t listed = 0;
        for (std::size_t index = 0; index < specs_.size(); ++index) {
            tensors.push_back({specs_[index], bytes_[index]});
            if (specs_[index].name.ends_with(".idx")) listed += specs_[index].elements();
        }
        Metadata metadata{{"format", "sparse_weight_patch"},
                          {"version", "1"},
                          {"sparse", "True"},
                          {"model_version", "1"},
                          {"num_changed_params", std::to_string(specs_.size() / 2)},
                          {"total_changed_elements", std::to_string(listed)},
                          {"encoding", encoding}};
        for (const auto& [name, text] : changed) metadata[name] = text;
        Changes changes;
        const Result<Done> decoded =
            decode_delta(table_, write_safetensors(tensors, metadata), 1, changes);
        ASSERT_FALSE(decoded) << part_of_detail;
        EXPECT_EQ(decoded.error().fault, Fault::corrupt);
        EXPECT_NE(decoded.error().detail.find(part_of_detail), std::string::npos)
            << decoded.error().detail;
        EXPECT_TRUE(changes.empty());
        specs_.clear();
        bytes_.clear();
    }

    const ArrayTable table_ = make_table({{"a", DType::kBF16, {10}}});
    std::vector<TensorSpec> specs_;
    std::vector<Bytes> bytes_;
};

TEST_F(UntrueDelta, PositionsPastTheEnd) {
    add("a.idx", DType::kI32, {2}, bytes_of_numbers<std::int32_t>({0, 10}));
    add_values(2);
    expect_corrupt("raw", "past its end");
    add("a.idx", DType::kI32, {1}, bytes_of_numbers<std::int32_t>({-1}));
    add_values(1);
    expect_corrupt("raw", "past its end");
    add("a.idx", DType::kI64, {1}, bytes_of_numbers<std::int64_t>({INT64_MIN}));
    add_values(1);
    expect_corrupt("raw", "past its end");
    add("a.idx", DType::kU16, {2}, bytes_of_numbers<std::uint16_t>({4, 5}));
    add_values(2);
    expect_corrupt("gap_delta", "past its end");
    // 4 + 1 + (2^64 - 5) would wrap around to 0.
    add("a.idx", DType::kU64, {2}, bytes_of_numbers<std::uint64_t>({4, UINT64_MAX - 4}));
    add_values(2);
    expect_corrupt("gap_delta", "past its end");
}

TEST_F(UntrueDelta, PositionsThatDoNotAscend) {
    add("a.idx", DType::kI32, {2}, bytes_of_numbers<std::int32_t>({3, 3}));
    add_values(2);
    expect_corrupt("raw", "not after");
    add("a.idx", DType::kI32, {2}, bytes_of_numbers<std::int32_t>({3, 2}));
    add_values(2);
    expect_corrupt("raw", "not after");
}

TEST_F(UntrueDelta, MoreChangesThanWords) {
    add("a.idx", DType::kU16, {11}, Bytes(22));
    add_values(11);
    expect_corrupt("gap_delta", "past its end");
}

TEST_F(UntrueDelta, PositionsOfTheOtherEncodingOrAnotherDtype) {
    add("a.idx", DType::kU16, {1}, Bytes(2));
    add_values(1);
    expect_corrupt("raw", "encoding");
    add("a.idx", DType::kI32, {1}, Bytes(4));
    add_values(1);
    expect_corrupt("gap_delta", "encoding");
    add("a.idx", DType::kF32, {1}, Bytes(4));
    add_values(1);
    expect_corrupt("raw", "encoding");
}

TEST_F(UntrueDelta, ValuesOfAnotherDtypeOrNumber) {
    add("a.idx", DType::kU16, {2}, Bytes(4));
    add("a.val", DType::kF16, {2}, Bytes(4));
    expect_corrupt("gap_delta", "F16");
    add("a.idx", DType::kU16, {2}, Bytes(4));
    add_values(3);
    expect_corrupt("gap_delta", "2 positions and 3 words");
    add("a.idx", DType::kU16, {2, 1}, Bytes(4));
    add_values(2);
    expect_corrupt("gap_delta", "positions");
}

TEST_F(UntrueDelta, TensorsThatAreNoPairOfAKnownArray) {
    add("b.idx", DType::kU16, {1}, Bytes(2));
    add("b.val", DType::kBF16, {1}, Bytes(2));
    expect_corrupt("gap_delta", "no array is named b");
    add("a.idx", DType::kU16, {1}, Bytes(2));
    expect_corrupt("gap_delta", "no values");
    add_values(1);
    expect_corrupt("gap_delta", "pairs only");
    add("a", DType::kBF16, {10}, Bytes(20));
    expect_corrupt("gap_delta", "pairs only");
    add(".idx", DType::kU16, {0}, {});
    expect_corrupt("gap_delta", "no array");
}

TEST_F(UntrueDelta, MetadataThatSaysOtherwise) {
    expect_corrupt("gap_delta", "format", {{"format", "pt"}});
    expect_corrupt("gap_delta", "version", {{"version", "2"}});
    expect_corrupt("gap_delta", "sparse", {{"sparse", "False"}});
    expect_corrupt("gap_delta", "model_version", {{"model_version", "01"}});
    expect_corrupt("gap_delta", "num_changed_params", {{"num_changed_params", "1"}});
    expect_corrupt("gap_delta", "total_changed_elements", {{"total_changed_elements", "1"}});
    expect_corrupt("nvcomp_cascaded", "encoding");
}

TEST(ForeignAnchor, IsRefusedWithTheWordsAsTheyWere) {
    const ArrayTable table = make_table({{"a", DType::kBF16, {2, 4}}, {"b", DType::kBF16, {3}}});
    const Metadata metadata{
        {"format", "sparse_weight_patch"}, {"version", "1"}, {"sparse", "False"}};
    const Bytes data(16, std::byte{7});
    const auto refused = [&](TensorSpec spec, std::size_t bytes, const Metadata& with) {
        const std::vector<TensorView> tensors{{spec, std::span(data).first(bytes)}};
        Bytes words(table.layout().size_bytes());
        std::vector<bool> has_array{false, true};
        const Result<Done> decoded =
            decode_anchor(table, write_safetensors(tensors, with), words, has_array);
        const bool is_untouched = words == Bytes(words.size());
        return !decoded && decoded.error().fault == Fault::corrupt && is_untouched;
    };
    EXPECT_FALSE(refused({"a", DType::kBF16, {2, 4}}, 16, metadata));
    EXPECT_TRUE(refused({"a", DType::kBF16, {8}}, 16, metadata));
    EXPECT_TRUE(refused({"a", DType::kF16, {2, 4}}, 16, metadata));
    EXPECT_TRUE(refused({"c", DType::kBF16, {2, 4}}, 16, metadata));
    EXPECT_TRUE(refused({"b", DType::kBF16, {3}}, 6, metadata));  // marked as there before
    EXPECT_TRUE(refused({"a", DType::kBF16, {2, 4}}, 16, {}));
    EXPECT_TRUE(refused({"a", DType::kBF16, {2, 4}}, 16, {{"sparse", "True"}}));
}

}  // namespace
}  // namespace dws
