// Attention against a cache: the answers of attention over whole sequences, however tokens come.
#include <gtest/gtest.h>

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

    Feeding(const AttentionCase& whole, int threads)
        : given(whole),
          backend(make_cpu_backend(threads)),
          cache(whole.config, static_cast<int>(whole.starts.size()) - 1, 2100),
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

std::vector<float> fed_whole(const AttentionCase& given, int threads) {
    Feeding feeding(given, threads);
    std::vector<std::pair<int, int>> pieces;
    for (int slot = 0; slot < feeding.cache.slots(); ++slot) {
        pieces.emplace_back(slot, feeding.left(slot));
    }
    feeding.feed(pieces);
    return feeding.mixed;
}

std::vector<float> fed_in_pieces(const AttentionCase& given, int longest, unsigned seed) {
    Feeding feeding(given, 1);
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
