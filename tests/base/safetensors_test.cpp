#include "base/safetensors.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

#include "tests/base/safetensors_file.h"

namespace dws {
namespace {

TEST(Safetensors, WhatIsWrittenIsRead) {
    const Bytes file = small_file();
    const auto parsed = SafetensorsView::parse(file);
    ASSERT_TRUE(parsed) << parsed.error().detail;
    EXPECT_EQ(parsed->metadata(), (Metadata{{"format", "sparse"}, {"note", "\"\\\n\xc3\xa4"}}));
    ASSERT_EQ(parsed->tensors().size(), 3u);
    EXPECT_EQ(parsed->tensors()[0].spec, (TensorSpec{"w", DType::kBF16, {2, 2}}));
    EXPECT_EQ(text_of(parsed->tensors()[0].data), "01234567");
    EXPECT_EQ(parsed->tensors()[1].spec, (TensorSpec{"empty", DType::kF32, {0}}));
    EXPECT_EQ(parsed->tensors()[1].data.size(), 0u);
    EXPECT_EQ(parsed->tensors()[2].spec, (TensorSpec{"b", DType::kU8, {2}}));
    EXPECT_EQ(text_of(parsed->tensors()[2].data), "89");
}

TEST(Safetensors, FindsArraysByName) {
    const Bytes file = small_file();
    const auto parsed = SafetensorsView::parse(file);
    ASSERT_TRUE(parsed);
    ASSERT_NE(parsed->find("b"), nullptr);
    EXPECT_EQ(parsed->find("b")->spec.name, "b");
    EXPECT_EQ(parsed->find("c"), nullptr);
    EXPECT_EQ(parsed->find("__metadata__"), nullptr);
}

TEST(Safetensors, TheBytesAreThoseOfTheFormat) {
    const std::string data = "xy";
    const std::vector<TensorView> tensors{{{"a", DType::kU8, {2}}, bytes_of(data)}};
    const std::string header =
        R"({"__metadata__":{"k":"v"},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
    EXPECT_EQ(write_safetensors(tensors, {{"k", "v"}}),
              file_of(header + std::string(8 - header.size() % 8, ' '), data));
}

TEST(Safetensors, TheDataStartsAtAMultipleOf8) {
    std::string name;
    for (int length = 0; length < 16; ++length, name += 'n') {
        const std::vector<TensorView> tensors{{{name, DType::kU8, {0}}, {}}};
        EXPECT_EQ(write_safetensors(tensors, {}).size() % 8, 0u);
    }
}

TEST(Safetensors, ManyRandomFilesSurvive) {
    const std::uint64_t seed = 20240607;
    std::mt19937_64 random(seed);
    for (int round = 0; round < 100; ++round) {
        std::vector<Bytes> data;
        std::vector<TensorView> tensors;
        for (std::size_t index = 0; index < random() % 6; ++index) {
            TensorSpec spec{fmt::format("t{}", index), static_cast<DType>(random() % 15), {}};
            for (std::size_t i = random() % 4; i > 0; --i)
                spec.shape.push_back(static_cast<std::int64_t>(random() % 4));
            Bytes bytes(spec.elements() * width_bytes(spec.dtype));
            for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
            data.push_back(std::move(bytes));
            tensors.push_back({spec, {}});
        }
        for (std::size_t index = 0; index < data.size(); ++index) tensors[index].data = data[index];
        const Bytes file = write_safetensors(tensors, {});
        const auto parsed = SafetensorsView::parse(file);
        ASSERT_TRUE(parsed) << "seed " << seed << " round " << round;
        ASSERT_EQ(parsed->tensors().size(), tensors.size());
        for (std::size_t index = 0; index < data.size(); ++index) {
            EXPECT_EQ(parsed->tensors()[index].spec, tensors[index].spec);
            EXPECT_EQ(text_of(parsed->tensors()[index].data), text_of(data[index]));
        }
    }
}

TEST(Safetensors, AFileOfNothingIsAFile) {
    const Bytes file = write_safetensors({}, {});
    const auto parsed = SafetensorsView::parse(file);
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->tensors().empty());
    EXPECT_TRUE(parsed->metadata().empty());
}

TEST(Safetensors, ArraysComeInOrderOfOffsetWhateverTheHeadersOrder) {
    const Bytes file = file_of(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},)"
                               R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                               R"("none":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}})",
                               "xy");
    const auto parsed = SafetensorsView::parse(file);
    ASSERT_TRUE(parsed) << parsed.error().detail;
    ASSERT_EQ(parsed->tensors().size(), 3u);
    EXPECT_EQ(parsed->tensors()[0].spec.name, "a");
    EXPECT_EQ(parsed->tensors()[1].spec.name, "none");
    EXPECT_EQ(parsed->tensors()[2].spec.name, "b");
    EXPECT_EQ(text_of(parsed->find("b")->data), "y");
}

TEST(Safetensors, AScalarHasNoDimensions) {
    EXPECT_EQ(refusal(file_of(one_array("F32", "[]", "[0,4]"), "0123")), "");
}

TEST(Safetensors, NamesMayHoldEscapesAndAnyLetter) {
    const Bytes file =
        file_of(R"({"\u0061\"ä":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", "");
    const auto parsed = SafetensorsView::parse(file);
    ASSERT_TRUE(parsed) << parsed.error().detail;
    EXPECT_NE(parsed->find("a\"ä"), nullptr);
}

TEST(SafetensorsDeathTest, WritingArraysOfOneNameIsABug) {
    const std::vector<TensorView> tensors{{{"a", DType::kU8, {0}}, {}},
                                          {{"a", DType::kU8, {0}}, {}}};
    EXPECT_DEATH(write_safetensors(tensors, {}), "distinct");
}

TEST(SafetensorsDeathTest, WritingAnArrayNamedMetadataIsABug) {
    const std::vector<TensorView> tensors{{{"__metadata__", DType::kU8, {0}}, {}}};
    EXPECT_DEATH(write_safetensors(tensors, {}), "distinct");
}

TEST(SafetensorsDeathTest, WritingDataOfAnotherSizeIsABug) {
    const std::vector<TensorView> tensors{{{"a", DType::kU8, {1}}, {}}};
    EXPECT_DEATH(write_safetensors(tensors, {}), "spec's size");
}

TEST(Safetensors, NamesThatAreNotUtf8AreNotWritten) {
    const std::vector<TensorView> tensors{{{"\xff", DType::kU8, {0}}, {}}};
    EXPECT_THROW(write_safetensors(tensors, {}), std::runtime_error);
}

}  // namespace
}  // namespace dws
