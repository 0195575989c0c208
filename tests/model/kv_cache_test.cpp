// Pages: who holds them, what is shared, and that nobody writes what another one reads.
#include "model/kv_cache.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/model/golden_model.h"

namespace dws {
namespace {

TEST(PagePool, APageIsFreeWhenItsLastHolderLetsGo) {
    PagePool pool(32, 2);
    const std::size_t page = pool.take();
    pool.hold(page);
    EXPECT_TRUE(pool.is_shared(page));
    pool.let_go(page);
    EXPECT_FALSE(pool.is_shared(page));
    EXPECT_EQ(pool.free_pages(), 1u);
    pool.let_go(page);
    EXPECT_EQ(pool.free_pages(), 2u);
}

TEST(PagePool, PagesDoNotOverlapAndBeginAtACacheLine) {
    PagePool pool(20, 3);
    std::set<std::byte*> bytes;
    for (int i = 0; i < 3; ++i) {
        std::byte* own = pool.bytes(pool.take());
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(own) % 64, 0u);
        for (int j = 0; j < 20; ++j) bytes.insert(own + j);
    }
    EXPECT_EQ(bytes.size(), 60u);
}

TEST(PagePoolDeath, MorePagesThanThereAreIsABug) {
    PagePool pool(32, 1);
    const std::size_t page = pool.take();
    EXPECT_DEATH(pool.take(), "free");
    pool.let_go(page);
    EXPECT_DEATH(pool.let_go(page), "holds");
    EXPECT_DEATH(pool.hold(page), "in use");
}

TEST(KvCache, PagesAreTakenAsASlotGrows) {
    KvCache cache(tiny_config(), 2, 40);
    EXPECT_EQ(cache.free_pages(), 6u);
    EXPECT_EQ(cache.slot_pages_max(), 3u);
    cache.extend(0, 16);
    EXPECT_EQ(cache.slot_pages(0), 1u);
    cache.extend(0, 1);
    EXPECT_EQ(cache.slot_pages(0), 2u);
    EXPECT_EQ(cache.free_pages(), 4u);
    cache.clear(0);
    EXPECT_EQ(cache.slot_pages(0), 0u);
    EXPECT_EQ(cache.length(0), 0);
    EXPECT_EQ(cache.free_pages(), 6u);
}

TEST(KvCache, LayersOfAPageDoNotOverlap) {
    const ModelConfig config = tiny_config();
    KvCache cache(config, 1, 16);
    const std::size_t layer = 2 * 16 * 2 * 16;  // keys and values, tokens, key heads, their size
    EXPECT_EQ(cache.layer_offset(0), 0u);
    EXPECT_EQ(cache.layer_offset(1), layer);
    EXPECT_EQ(cache.layer_offset(2), 2 * layer);
}

class CacheOfNumbers : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Bytes, CacheOfNumbers, testing::Values(2, 4));

TEST_P(CacheOfNumbers, SharedTokensAreWholePagesAndTheCopyOfOne) {
    const ModelConfig config = tiny_config();
    KvCache cache(config, 3, 64, 0, GetParam());
    const std::size_t last = cache.layer_offset(config.layers - 1) +
                             page_layer_numbers(HeadShape(config)) - 1;  // number of a page
    cache.extend(0, 50);
    for (std::byte* page : cache.pages(0)) {
        page[5] = std::byte{3};
        page[last * GetParam()] = std::byte{4};
    }
    cache.share(0, 1, 40);
    EXPECT_EQ(cache.length(1), 40);
    EXPECT_EQ(cache.pages(1)[0], cache.pages(0)[0]);
    EXPECT_EQ(cache.pages(1)[1], cache.pages(0)[1]);
    EXPECT_NE(cache.pages(1)[2], cache.pages(0)[2]);
    EXPECT_EQ(cache.pages(1)[2][5], std::byte{3});
    EXPECT_EQ(cache.pages(1)[2][last * GetParam()], std::byte{4});
    EXPECT_EQ(cache.free_pages(), 12u - 5u);
}

TEST(KvCache, SharedPagesStayUntilTheLastSlotLetsGo) {
    KvCache cache(tiny_config(), 3, 64);
    cache.extend(0, 64);
    cache.share(0, 1, 64);
    cache.share(1, 2, 32);
    EXPECT_EQ(cache.free_pages(), 12u - 4u);
    cache.clear(0);
    EXPECT_EQ(cache.free_pages(), 12u - 4u);
    cache.clear(1);
    EXPECT_EQ(cache.free_pages(), 12u - 2u);
    cache.clear(2);
    EXPECT_EQ(cache.free_pages(), 12u);
}

TEST(KvCache, ASharedBeginningGrowsIntoPagesOfItsOwn) {
    KvCache cache(tiny_config(), 2, 64);
    cache.extend(0, 32);
    cache.share(0, 1, 32);
    cache.extend(0, 1);
    cache.extend(1, 1);
    EXPECT_NE(cache.pages(0)[2], cache.pages(1)[2]);
}

TEST(KvCacheDeath, BoundsArePromises) {
    const ModelConfig config = tiny_config();
    KvCache cache(config, 2, 10);
    cache.extend(0, 10);
    EXPECT_DEATH(cache.extend(0, 1), "capacity");
    EXPECT_DEATH(cache.extend(1, -1), "capacity");
    EXPECT_DEATH(cache.clear(2), "slot");
    EXPECT_DEATH(cache.length(-1), "slot");
    EXPECT_DEATH(cache.layer_offset(3), "layer");
    EXPECT_DEATH(cache.pages(2), "slot");
    EXPECT_DEATH(cache.share(0, 0, 1), "empty slot");
    EXPECT_DEATH(cache.share(1, 0, 0), "empty slot");
    EXPECT_DEATH(cache.share(0, 1, 11), "are there");
    EXPECT_DEATH(KvCache(config, 0, 10), "room");
    EXPECT_DEATH(KvCache(config, 4, 10, 9), "full slot");
}

TEST(KvCacheDeath, APoolThatRunsOutIsABug) {
    KvCache cache(tiny_config(), 4, 32, 48);
    cache.extend(0, 32);
    cache.extend(1, 16);
    EXPECT_DEATH(cache.extend(2, 1), "free");
}

}  // namespace
}  // namespace dws
