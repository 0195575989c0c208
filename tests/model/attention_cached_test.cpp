// Attention against a cache: the answers of attention over whole sequences, however tokens come.
#include <gtest/gtest.h>

#include <numeric>

#include "model/bf16_products.h"
#include "model/kv_cache.h"
#include "tests/model/attention_case.h"

namespace dws {
namespace {

// The tokens of each sequence of the case go into its slot of one cache, by pieces.
struct Feeding {
    const AttentionCase& given;
    std::unique_ptr<Backend> backend;
    KvCache cache;
    std::vector<float> mixed;  // (T, H*head) of the case

    Feeding(const AttentionCase& whole, int threads, Products products)
        : given(whole),
          backend(make_cpu_backend(threads, products)),
          cache(whole.config, static_cast<int>(whole.starts.size()) - 1, 2100, 0,
                backend->cached_bytes()),
          mixed(whole.d_mixed.size()) {}

    int left(int slot) const {
        const std::size_t index = static_cast<std::size_t>(slot);
        return given.starts[index + 1] - given.starts[index] - cache.length(slot);
    }
    // pieces: (slot, tokens) in one call.
    void feed(const std::vector<std::pair<int, int>>& pieces) {
        const std::size_t width = given.shape.width(), out = given.shape.query_width();
        std::vector<float> heads;
        std::vector<CachedSequence> sequences;
        std::vector<std::size_t> places;
        int row = 0;
        for (const auto& [slot, tokens] : pieces) {
            const std::size_t first = static_cast<std::size_t>(
                given.starts[static_cast<std::size_t>(slot)] + cache.length(slot));
            places.push_back(first);
            const auto from = given.heads.begin() + static_cast<std::ptrdiff_t>(first * width);
            heads.insert(heads.end(), from, from + static_cast<std::ptrdiff_t>(width) * tokens);
            cache.make_room(slot, tokens);
            sequences.push_back({cache.pages(slot), cache.length(slot), row, tokens});
            row += tokens;
        }
        std::vector<float> result(static_cast<std::size_t>(row) * out);
        backend->attention_cached(given.config, heads.data(), sequences, cache.layer_offset(0),
                                  result.data());
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            const std::size_t first = static_cast<std::size_t>(sequences[i].first_row) * out;
            std::copy_n(result.begin() + static_cast<std::ptrdiff_t>(first),
                        static_cast<std::size_t>(pieces[i].second) * out,
                        mixed.begin() + static_cast<std::ptrdiff_t>(places[i] * out));
            cache.extend(pieces[i].first, pieces[i].second);
        }
    }
};

std::vector<float> fed_whole(const AttentionCase& given, int threads,
                             Products products = Products::fp32) {
    Feeding feeding(given, threads, products);
    std::vector<std::pair<int, int>> pieces;
    for (int slot = 0; slot < feeding.cache.slots(); ++slot) {
        pieces.emplace_back(slot, feeding.left(slot));
    }
    feeding.feed(pieces);
    return feeding.mixed;
}

std::vector<float> fed_in_pieces(const AttentionCase& given, int longest, unsigned seed,
                                 Products products = Products::fp32) {
    Feeding feeding(given, 1, products);
    std::mt19937 random(seed);
    for (bool is_done = false; !is_done;) {
        is_done = true;
        std::vector<std::pair<int, int>> pieces;
        for (int slot = 0; slot < feeding.cache.slots(); ++slot) {
            if (feeding.left(slot) == 0) continue;
            is_done = false;
            const int tokens = 1 + static_cast<int>(random() % static_cast<unsigned>(longest));
            pieces.emplace_back(slot, std::min(tokens, feeding.left(slot)));
        }
        feeding.feed(pieces);
    }
    return feeding.mixed;
}

void round_keys_and_values(AttentionCase& given) {
    const HeadShape& shape = given.shape;
    for (std::size_t token = 0; token < given.tokens(); ++token) {
        float* const heads = given.heads.data() + token * shape.width();
        for (std::size_t i = shape.key_at(0); i < shape.width(); ++i) {
            heads[i] = from_bf16(to_bf16(heads[i]));
        }
    }
}

class CachedHeads : public testing::TestWithParam<std::vector<int>> {};

TEST_P(CachedHeads, GiveTheWholeSequencesAnswer) {
    const std::vector<int>& shape = GetParam();
    const AttentionCase given(shape[0], shape[1], shape[2], {1, 16, 17, 100}, 1.0f, 51);
    EXPECT_LT(relative_error(fed_whole(given, 1), run_attention(given, 1).mixed), 1e-5);
}

TEST_P(CachedHeads, GiveTheSameBitsHoweverTokensAreCut) {
    const std::vector<int>& shape = GetParam();
    const AttentionCase given(shape[0], shape[1], shape[2], {1, 16, 17, 100}, 1.0f, 52);
    const std::vector<float> whole = fed_whole(given, 1);
    EXPECT_EQ(fed_in_pieces(given, 1, 0), whole);
    for (unsigned seed = 1; seed < 4; ++seed) {
        EXPECT_EQ(fed_in_pieces(given, 23, seed), whole) << "seed " << seed;
    }
    EXPECT_EQ(fed_whole(given, 3), whole) << "three threads";
}

// norm_rope() leaves bf16 numbers, which a cache of bf16 words holds exactly.
TEST_P(CachedHeads, InBf16GiveTheWholeSequencesAnswer) {
    if (!has_bf16_products()) GTEST_SKIP() << "no bf16 matrix unit here";
    const std::vector<int>& shape = GetParam();
    AttentionCase given(shape[0], shape[1], shape[2], {1, 16, 17, 100}, 1.0f, 54);
    round_keys_and_values(given);
    const std::vector<float> whole = fed_whole(given, 1, Products::bf16);
    EXPECT_LT(relative_error(whole, run_attention(given, 1).mixed), 1e-5);
    EXPECT_EQ(fed_in_pieces(given, 23, 1, Products::bf16), whole);
    EXPECT_EQ(fed_whole(given, 3, Products::bf16), whole) << "three threads";
}

TEST(CachedNumbers, KeysAndValuesAreBf16NumbersWhereTheCacheIs) {
    if (!has_bf16_products()) GTEST_SKIP() << "no bf16 matrix unit here";
    const AttentionCase raw(4, 2, 16, {20}, 1.0f, 55);
    const std::vector<Bf16> norm(raw.shape.size, to_bf16(1.3f));
    std::vector<int> positions(raw.tokens());
    std::iota(positions.begin(), positions.end(), 0);
    RopeTable table;
    table.grow(raw.config, 20);
    const auto normed = [&](Products products) {
        AttentionCase result = raw;
        make_cpu_backend(1, products)
            ->norm_rope(raw.config, raw.heads.data(), norm.data(), norm.data(), positions.data(),
                        table, result.heads.data(), 20);
        return result;
    };
    AttentionCase rounded = normed(Products::fp32);
    round_keys_and_values(rounded);
    EXPECT_NE(rounded.heads, normed(Products::fp32).heads);
    EXPECT_EQ(rounded.heads, normed(Products::bf16).heads);
}

INSTANTIATE_TEST_SUITE_P(Shapes, CachedHeads,
                         testing::Values(std::vector{4, 2, 16}, std::vector{1, 1, 2},
                                         std::vector{2, 2, 24}, std::vector{5, 1, 64},
                                         std::vector{3, 1, 80}, std::vector{4, 2, 128},
                                         std::vector{8, 1, 136}));

TEST(CachedAttention, LongContextsGiveTheWholeSequencesAnswer) {
    const AttentionCase given(4, 2, 16, {2000, 300}, 1.0f, 53);
    const std::vector<float> whole = run_attention(given, 1).mixed;
    EXPECT_LT(relative_error(fed_whole(given, 2), whole), 1e-5);
    EXPECT_LT(relative_error(fed_in_pieces(given, 64, 1), whole), 1e-5);
}

}  // namespace
}  // namespace dws
