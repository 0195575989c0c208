#include "base/huge_pages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace dws {
namespace {

bool is_aligned(const void* memory, std::size_t bytes) {
    return reinterpret_cast<std::uintptr_t>(memory) % bytes == 0;
}

TEST(HugePages, BeginAtAPageWhereTheyAreWorthwhileAndAtALineElsewhere) {
    EXPECT_TRUE(is_aligned(HugeVector<std::byte>(100).data(), 64));
    const std::size_t fewest = HugePages<float>::kWorthwhileBytes / sizeof(float);
    EXPECT_TRUE(is_aligned(HugeVector<float>(fewest).data(), std::size_t{2} << 20));
    EXPECT_TRUE(is_aligned(HugeVector<float>(fewest - 1).data(), 64));
}

TEST(HugePages, HoldWhatAVectorHolds) {
    HugeVector<std::uint32_t> numbers(std::size_t{3} << 20);
    EXPECT_EQ(std::ranges::count(numbers, 0u), std::ptrdiff_t{3} << 20);
    std::iota(numbers.begin(), numbers.end(), 0u);
    HugeVector<std::uint32_t> copy = numbers;
    numbers.resize(10);
    numbers.shrink_to_fit();
    EXPECT_EQ(copy.back(), (3u << 20) - 1);
    EXPECT_EQ(numbers.back(), 9u);
}

}  // namespace
}  // namespace dws
