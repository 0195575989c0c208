#include "base/tensor_layout.h"

#include <gtest/gtest.h>

#include <limits>

namespace dws {
namespace {

TEST(TensorLayout, EveryArrayStartsAtACacheLine) {
    const TensorLayout layout(
        {{"a", DType::kBF16, {3}}, {"b", DType::kU8, {65}}, {"c", DType::kF32, {2, 2}}});
    EXPECT_EQ(layout.offset_bytes(0), 0u);
    EXPECT_EQ(layout.offset_bytes(1), 64u);
    EXPECT_EQ(layout.offset_bytes(2), 192u);
    EXPECT_EQ(layout.size_bytes(), 208u);
}

TEST(TensorLayout, NoArraysTakeNoBytes) { EXPECT_EQ(TensorLayout({}).size_bytes(), 0u); }

TEST(TensorLayout, EmptyArraysTakeNoBytes) {
    const TensorLayout layout({{"none", DType::kF32, {0, 7}}, {"one", DType::kF32, {}}});
    EXPECT_EQ(layout.offset_bytes(1), 0u);
    EXPECT_EQ(layout.size_bytes(), 4u);
}

TEST(TensorLayout, FindsArraysByName) {
    const TensorLayout layout({{"a", DType::kU8, {1}}, {"b", DType::kU8, {1}}});
    EXPECT_EQ(layout.index_of("b"), 1u);
    EXPECT_EQ(layout.index_of("c"), std::nullopt);
}

TEST(TensorLayout, AScalarIsOneElement) {
    EXPECT_EQ((TensorSpec{"s", DType::kF32, {}}.elements()), 1u);
    EXPECT_EQ((TensorSpec{"m", DType::kF32, {3, 4}}.elements()), 12u);
}

TEST(DType, EveryNameLeadsBackToItsType) {
    for (int index = 0; index <= static_cast<int>(DType::kF64); ++index) {
        const auto dtype = static_cast<DType>(index);
        EXPECT_EQ(dtype_named(name_of(dtype)), dtype) << name_of(dtype);
    }
    EXPECT_EQ(dtype_named("F12"), std::nullopt);
    EXPECT_EQ(dtype_named(""), std::nullopt);
    EXPECT_EQ(dtype_named("bf16"), std::nullopt);
}

TEST(DType, WidthsFollowTheNames) {
    EXPECT_EQ(width_bytes(DType::kBool), 1u);
    EXPECT_EQ(width_bytes(DType::kF8E4M3), 1u);
    EXPECT_EQ(width_bytes(DType::kBF16), 2u);
    EXPECT_EQ(width_bytes(DType::kF32), 4u);
    EXPECT_EQ(width_bytes(DType::kF64), 8u);
}

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

TEST(TensorLayoutDeathTest, StopsAtASizeThatDoesNotFit) {
    EXPECT_DEATH(TensorLayout({{"a", DType::kU8, {kHuge, 4}}}), "fits 64 bits");
    EXPECT_DEATH(TensorLayout({{"a", DType::kF64, {kHuge}}}), "fits 64 bits");
    EXPECT_DEATH(TensorLayout({{"a", DType::kU16, {kHuge}}, {"b", DType::kU16, {kHuge}}}),
                 "fits 64 bits");
}

TEST(TensorLayoutDeathTest, StopsAtANegativeDimension) {
    EXPECT_DEATH(TensorLayout({{"a", DType::kU8, {-1}}}), "not negative");
}

TEST(TensorLayoutDeathTest, StopsAtTwoArraysOfOneName) {
    EXPECT_DEATH(TensorLayout({{"a", DType::kU8, {1}}, {"a", DType::kU8, {1}}}), "one name");
}

}  // namespace
}  // namespace dws
