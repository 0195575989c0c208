// Files written by torch and safetensors (tests/golden/make_interchange.py), and files of our own
// that those read back (check_interchange.py). No test writes them anew.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/safetensors.h"
#include "sync/codec/interchange.h"
#include "tests/support/files.h"
#include "tests/support/random_arrays.h"

namespace dws {
namespace {

constexpr std::size_t kOneFile = 1u << 30;

Bytes golden(const std::string& name) {
    return read_file(std::filesystem::path(SOURCE_ROOT) / "tests/golden" / name);
}

ArrayTable golden_table() {
    return make_table({{"a.weight", DType::kBF16, {40, 25}},
                       {"b.weight", DType::kBF16, {4, 16'500}},
                       {"c.bias", DType::kBF16, {64}},
                       {"d.bias", DType::kBF16, {8}}});
}

Bytes base_words(const ArrayTable& table) {
    Bytes words(table.layout().size_bytes());
    std::vector<bool> has_array(4, false);
    const Bytes file = golden("interchange_anchor.safetensors");
    const Result<Done> decoded = decode_anchor(table, file, words, has_array);
    EXPECT_TRUE(decoded) << decoded.error().detail;
    EXPECT_EQ(has_array, std::vector<bool>(4, true));
    return words;
}

// The plain arrays of interchange_next, in the table's layout.
Bytes next_words(const ArrayTable& table) {
    const Bytes file = golden("interchange_next.safetensors");
    const Result<SafetensorsView> view = SafetensorsView::parse(file);
    require(bool(view), "the golden file is a safetensors file");
    Bytes words(table.layout().size_bytes());
    for (const TensorView& tensor : view->tensors()) {
        const std::size_t array = *table.layout().index_of(tensor.spec.name);
        std::copy(tensor.data.begin(), tensor.data.end(),
                  words.begin() + static_cast<std::ptrdiff_t>(table.layout().offset_bytes(array)));
    }
    return words;
}

Bytes encoded(const ArrayTable& table, Encoding encoding) {
    Bytes only;
    const Changes changes = diff(table, base_words(table), next_words(table));
    encode_delta(table, changes, 42, encoding, kOneFile, [&](Bytes file) {
        EXPECT_TRUE(only.empty());
        only = std::move(file);
        return true;
    });
    return only;
}

void expect_decodes_to_next(const std::string& name) {
    const ArrayTable table = golden_table();
    Changes changes;
    const Result<Done> decoded = decode_delta(table, golden(name), 42, changes);
    ASSERT_TRUE(decoded) << decoded.error().detail;
    Bytes words = base_words(table);
    ASSERT_NE(words, next_words(table));
    patch(table, changes, words);
    EXPECT_EQ(words, next_words(table));
}

TEST(InterchangeGolden, ReadsRawPositionsWrittenByTorch) {
    expect_decodes_to_next("interchange_raw.safetensors");
}

TEST(InterchangeGolden, ReadsGapsOf16And32BitsWrittenByTorch) {
    expect_decodes_to_next("interchange_gap.safetensors");
    const Bytes file = golden("interchange_gap.safetensors");
    const Result<SafetensorsView> view = SafetensorsView::parse(file);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->find("a.weight.idx")->spec.dtype, DType::kU16);
    EXPECT_EQ(view->find("b.weight.idx")->spec.dtype, DType::kU32);
}

TEST(InterchangeGolden, WritesTheRawBytesThatTorchWasShown) {
    EXPECT_EQ(encoded(golden_table(), Encoding::raw), golden("encoded_raw.safetensors"));
}

TEST(InterchangeGolden, WritesTheGapBytesThatTorchWasShown) {
    EXPECT_EQ(encoded(golden_table(), Encoding::gap_delta), golden("encoded_gap.safetensors"));
}

TEST(InterchangeGolden, WritesTheAnchorBytesThatTorchWasShown) {
    const ArrayTable table = golden_table();
    Bytes only;
    encode_anchor(table, base_words(table), 41, kOneFile, [&](Bytes file) {
        only = std::move(file);
        return true;
    });
    EXPECT_EQ(only, golden("encoded_anchor.safetensors"));
}

}  // namespace
}  // namespace dws
