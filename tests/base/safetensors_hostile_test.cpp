// Files that nobody vouches for: each way to be wrong is refused, and none crashes the reader.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/safetensors.h"
#include "tests/base/safetensors_file.h"

namespace dws {
namespace {

void expect_refused(std::string_view header, std::string_view data, std::string_view why) {
    const std::string said = refusal(file_of(header, data));
    EXPECT_NE(said.find(why), std::string::npos) << "said '" << said << "' of " << header;
}

TEST(SafetensorsHostile, RefusesAFileShorterThanItsLengthField) {
    EXPECT_NE(refusal({}), "");
    EXPECT_NE(refusal(Bytes(7)), "");
}

TEST(SafetensorsHostile, RefusesALengthPastTheEnd) {
    Bytes file = file_of("{}", "");
    file[0] = std::byte{3};
    EXPECT_NE(refusal(file).find("outside the file"), std::string::npos);
}

TEST(SafetensorsHostile, RefusesALengthOfAllOnes) {
    Bytes file = file_of("{}", "");
    std::fill_n(file.begin(), 8, std::byte{0xff});
    EXPECT_NE(refusal(file).find("more than 100 MB"), std::string::npos);
}

TEST(SafetensorsHostile, RefusesAHeaderOfMoreThan100MB) {
    std::string header = "{";
    header.append(kMaxHeaderBytes, ' ');
    expect_refused(header, "", "more than 100 MB");
}

TEST(SafetensorsHostile, RefusesAnEmptyHeader) { expect_refused("", "", "begin with '{'"); }

TEST(SafetensorsHostile, RefusesWhatIsNotJson) {
    for (const std::string_view header : {"{", "{]", "{}}", "{} {}", "{\"a\"}", "{\"a\":}", "{a:1}",
                                          "{\"a\":{},}", "{/**/}", "{\"\x01\":{}}"})
        EXPECT_NE(refusal(file_of(header, "")), "") << header;
}

TEST(SafetensorsHostile, RefusesWhatIsNotUtf8) {
    expect_refused("{\"\xff\":{}}", "", "not JSON");
    expect_refused("{\"\xc3\":{}}", "", "not JSON");
    expect_refused("{\"\xed\xa0\x80\":{}}", "", "not JSON");
}

TEST(SafetensorsHostile, RefusesAByteOrderMark) {
    expect_refused("\xef\xbb\xbf{}", "", "begin with '{'");
}

TEST(SafetensorsHostile, RefusesAZeroByteThatWouldHideWhatFollows) {
    expect_refused(std::string_view("{}\0 trailing", 12), "", "zero byte");
}

TEST(SafetensorsHostile, RefusesAHeaderThatIsNoObject) {
    expect_refused("[]", "", "begin with '{'");
    expect_refused("null", "", "begin with '{'");
}

TEST(SafetensorsHostile, RefusesAnEntryThatIsNoObject) {
    for (const std::string value : {"1", "-1", "1.5", "\"text\"", "null", "true", "[]", "[1]"})
        EXPECT_NE(refusal(file_of(R"({"a":)" + value + "}", "")), "") << value;
}

TEST(SafetensorsHostile, RefusesTwoArraysOfOneName) {
    expect_refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                   R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                   "x", "two entries named 'a'");
}

TEST(SafetensorsHostile, RefusesTwoNamesThatAnEscapeHides) {
    expect_refused(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
                   R"("\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
                   "", "two entries named 'a'");
}

TEST(SafetensorsHostile, RefusesMetadataTwice) {
    expect_refused(R"({"__metadata__":{},"__metadata__":{}})", "", "two entries");
}

TEST(SafetensorsHostile, RefusesAMetadataKeyTwice) {
    expect_refused(R"({"__metadata__":{"k":"1","k":"2"}})", "", "two metadata values named 'k'");
}

TEST(SafetensorsHostile, RefusesMetadataThatIsNotText) {
    for (const std::string value : {"1", "-1", "1.5", "null", "true", "[]", "{}"})
        EXPECT_NE(refusal(file_of(R"({"__metadata__":{"k":)" + value + "}}", "")), "") << value;
    EXPECT_NE(refusal(file_of(R"({"__metadata__":"text"})", "")), "");
    EXPECT_NE(refusal(file_of(R"({"__metadata__":[]})", "")), "");
}

TEST(SafetensorsHostile, RefusesTooMuchMetadata) {
    std::string header = R"({"__metadata__":{"0":"")";
    for (std::size_t key = 1; key <= kMaxMetadata; ++key) header += fmt::format(R"(,"{}":"")", key);
    expect_refused(header + "}}", "", "too much metadata");
}

TEST(SafetensorsHostile, RefusesAFieldTwice) {
    expect_refused(R"({"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}})", "",
                   "two fields named dtype");
    expect_refused(R"({"a":{"dtype":"U8","shape":[0],"shape":[0],"data_offsets":[0,0]}})", "",
                   "two fields named shape");
    expect_refused(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"data_offsets":[0,0]}})",
                   "", "two fields named data_offsets");
}

TEST(SafetensorsHostile, RefusesAMissingField) {
    expect_refused(R"({"a":{}})", "", "lacks");
    expect_refused(R"({"a":{"shape":[0],"data_offsets":[0,0]}})", "", "lacks");
    expect_refused(R"({"a":{"dtype":"U8","data_offsets":[0,0]}})", "", "lacks");
    expect_refused(R"({"a":{"dtype":"U8","shape":[0]}})", "", "lacks");
}

TEST(SafetensorsHostile, RefusesAnUnknownField) {
    expect_refused(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}})", "",
                   "unknown field 'x'");
}

TEST(SafetensorsHostile, RefusesAnUnknownDtype) {
    for (const std::string_view dtype : {"F4", "bf16", "", "BF16 ", "C64"})
        expect_refused(one_array(dtype, "[0]", "[0,0]"), "", "unknown dtype");
}

TEST(SafetensorsHostile, RefusesADtypeThatIsNotText) {
    for (const std::string value : {"1", "null", "[]", "{}", "true"})
        EXPECT_NE(refusal(file_of(R"({"a":{"dtype":)" + value + "}}", "")), "") << value;
}

TEST(SafetensorsHostile, RefusesAShapeThatIsNoListOfSizes) {
    for (const std::string_view shape :
         {"1", "null", "{}", "\"1\"", "[-1]", "[1.0]", "[1e0]", "[-0]", "[null]", "[true]",
          "[\"1\"]", "[[1]]", "[{}]", "[18446744073709551616]", "[9223372036854775808]"})
        EXPECT_NE(refusal(file_of(one_array("U8", shape, "[0,1]"), "x")), "") << shape;
}

TEST(SafetensorsHostile, RefusesTooManyDimensions) {
    EXPECT_EQ(refusal(file_of(one_array("U8", "[1,1,1,1,1,1,1,1]", "[0,1]"), "x")), "");
    expect_refused(one_array("U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), "x", "too many numbers");
}

TEST(SafetensorsHostile, RefusesAShapeWhoseProductOverflows) {
    expect_refused(one_array("U8", "[4294967296,4294967296]", "[0,0]"), "", "do not fit");
    expect_refused(one_array("F64", "[2305843009213693952]", "[0,0]"), "", "do not fit");
    expect_refused(one_array("U8", "[4611686018427387904,4,4]", "[0,0]"), "", "do not fit");
}

TEST(SafetensorsHostile, RefusesAHugeShapeInASmallFile) {
    expect_refused(one_array("U8", "[9223372036854775807]", "[0,9223372036854775807]"), "x",
                   "outside the file");
}

TEST(SafetensorsHostile, RefusesOffsetsThatAreNotTwo) {
    for (const std::string_view offsets : {"[]", "[0]", "[0,1,1]"})
        EXPECT_NE(refusal(file_of(one_array("U8", "[1]", offsets), "x")), "") << offsets;
}

TEST(SafetensorsHostile, RefusesOffsetsThatRunBackwards) {
    expect_refused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                   R"("b":{"dtype":"U8","shape":[0],"data_offsets":[2,1]}})",
                   "xy", "outside the file");
}

TEST(SafetensorsHostile, RefusesArraysThatOverlap) {
    expect_refused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                   R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                   "xyz", "overlaps");
    expect_refused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                   R"("b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
                   "xy", "overlaps");
}

TEST(SafetensorsHostile, RefusesAHole) {
    expect_refused(one_array("U8", "[1]", "[1,2]"), "xy", "hole");
    expect_refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                   R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                   "xyz", "hole");
}

TEST(SafetensorsHostile, RefusesDataThatNoArrayNames) {
    expect_refused("{}", "x", "after the last array");
    expect_refused(one_array("U8", "[1]", "[0,1]"), "xy", "after the last array");
}

TEST(SafetensorsHostile, RefusesAnArrayPastTheEnd) {
    expect_refused(one_array("U8", "[2]", "[0,2]"), "x", "outside the file");
}

TEST(SafetensorsHostile, RefusesBytesThatDoNotFitTheShape) {
    expect_refused(one_array("BF16", "[1]", "[0,1]"), "x", "do not fit");
    expect_refused(one_array("U8", "[0]", "[0,1]"), "x", "do not fit");
    expect_refused(one_array("U8", "[2]", "[0,0]"), "", "do not fit");
}

TEST(SafetensorsHostile, RefusesDeepNestingWithoutRunningOutOfStack) {
    const std::size_t depth = 10'000'000;
    std::string lists = R"({"a":)";
    lists.append(depth, '[');
    EXPECT_NE(refusal(file_of(lists, "")), "");
    std::string objects;
    for (std::size_t level = 0; level < depth / 10; ++level) objects += R"({"a":)";
    EXPECT_NE(refusal(file_of(objects, "")), "");
}

TEST(SafetensorsHostile, RefusesMoreArraysThanTheLimit) {
    std::string header = "{";
    for (std::size_t array = 0; array <= kMaxArrays; ++array)
        header += fmt::format(R"({}"{}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
                              array == 0 ? "" : ",", array);
    expect_refused(header + "}", "", "more arrays");
}

TEST(SafetensorsHostile, AnErrorQuotesOnlyTheStartOfAForeignName) {
    const std::string name(1'000'000, 'n');
    EXPECT_LT(refusal(file_of("{\"" + name + "\":{}}", "")).size(), 300u);
    EXPECT_LT(refusal(file_of("{\"" + name, "")).size(), 300u);
}

TEST(SafetensorsHostile, EveryTruncationIsRefused) {
    const Bytes file = small_file();
    for (std::size_t length = 0; length < file.size(); ++length)
        EXPECT_NE(refusal(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length))),
                  "")
            << length;
}

// A flipped name or metadata letter is a different sound file; everything else is refused, and
// whatever is accepted stays inside the file.
TEST(SafetensorsHostile, EveryFlippedBitIsRefusedOrReadWithinBounds) {
    const Bytes whole = small_file();
    std::size_t refused = 0;
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        Bytes file = whole;
        file[bit / 8] ^= std::byte{1} << (bit % 8);
        const auto parsed = SafetensorsView::parse(file);
        if (!parsed) {
            refused += 1;
            EXPECT_EQ(parsed.error().fault, Fault::corrupt);
            continue;
        }
        std::size_t bytes = 0;
        for (const TensorView& tensor : parsed->tensors()) {
            EXPECT_EQ(tensor.data.size(), tensor.spec.elements() * width_bytes(tensor.spec.dtype));
            bytes += tensor.data.size();
        }
        EXPECT_EQ(bytes, 10u) << "bit " << bit;
    }
    EXPECT_GT(refused, whole.size() * 4);
}

TEST(SafetensorsHostile, RandomHeadersNeverCrash) {
    const std::uint64_t seed = 7;
    std::mt19937_64 random(seed);
    const std::vector<std::string_view> pieces{
        "{",      "}",         "[",         "]",
        ",",      ":",         "\"a\"",     "\"__metadata__\"",
        "\"x\"",  "\"dtype\"", "\"shape\"", "\"data_offsets\"",
        "\"U8\"", "0",         "1",         "-1",
        "null",   "1e9"};
    for (int round = 0; round < 20'000; ++round) {
        std::string header = "{";
        for (std::size_t piece = random() % 24; piece > 0; --piece)
            header += pieces[random() % pieces.size()];
        refusal(file_of(header, "x"));
    }
    SUCCEED() << "seed " << seed;
}

}  // namespace
}  // namespace dws
