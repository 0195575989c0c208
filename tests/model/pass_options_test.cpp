// What the options of the training pass change, and what they must not.
#include <gtest/gtest.h>

#include "tests/model/passes.h"

namespace dws {
namespace {

struct Case {
    ModelConfig config;
    std::vector<Bf16> words;
    TokenBatch batch;
    std::vector<float> d_logits;

    // Several runs of the tiny model.
    explicit Case(unsigned seed, bool is_tied = true) : config(tiny_config()) {
        config.has_tied_embeddings = is_tied;
        words = round_to_bf16(initial_weights(config, seed));
        batch = random_batch(config, 50, 61, 2, seed + 1);
        d_logits = random_numbers(logit_count(config, batch), seed + 2);
    }
    Passes run(const PassOptions& options, int threads = 1) const {
        return run_passes(config, words, batch, d_logits, threads, options);
    }
};

TEST(PassOptions, ChunksOfRowsChangeNothingButRounding) {
    const Case test(31);
    const Passes whole = test.run({.logit_rows = 1'000'000});
    for (const int rows : {1, 7, 512}) {
        const Passes chunked = test.run({.logit_rows = rows});
        EXPECT_LT(relative_error(chunked.logits, whole.logits), 1e-5) << rows;
        EXPECT_LT(relative_error(chunked.gradients, whole.gradients), 1e-5) << rows;
    }
}

TEST(PassOptions, TheLossIsAskedOnceForEveryRowInOrder) {
    const Case test(32);
    const Passes passes = test.run({.logit_rows = 7});
    std::size_t expected = 0;
    for (std::size_t chunk = 0; chunk < passes.chunks.size(); ++chunk) {
        EXPECT_EQ(passes.chunks[chunk], expected);
        const std::size_t next =
            chunk + 1 < passes.chunks.size() ? passes.chunks[chunk + 1] : test.batch.rows.size();
        EXPECT_GT(next, expected);
        EXPECT_LE(next - expected, 7u);
        expected = next;
    }
    EXPECT_EQ(expected, test.batch.rows.size());
}

TEST(PassOptions, RecomputingGivesTheSameBits) {
    const Case test(33);
    for (const int threads : {1, 2}) {
        const Passes kept = test.run({}, threads);
        const Passes again = test.run({.recompute = true}, threads);
        EXPECT_EQ(again.logits, kept.logits) << threads;
        EXPECT_EQ(again.gradients, kept.gradients) << threads;
    }
}

// The gradient of a column that nobody asks for is 0, so asking for fewer changes nothing else.
TEST(PassOptions, FewColumnsGiveTheGradientsOfAll) {
    for (const bool is_tied : {true, false}) {
        Case test(34, is_tied);
        const std::vector<std::int32_t> columns{0, 3, 17, 18, 64, 111};
        const std::size_t width = static_cast<std::size_t>(test.config.vocab_size);
        std::vector<float> few;
        std::vector<float> all(test.d_logits.size(), 0.0f);
        for (std::size_t row = 0; row < test.batch.rows.size(); ++row) {
            for (const std::int32_t column : columns) {
                const std::size_t at = row * width + static_cast<std::size_t>(column);
                all[at] = test.d_logits[at];
                few.push_back(test.d_logits[at]);
            }
        }
        test.d_logits = all;
        const Passes whole = test.run({});
        test.d_logits = few;
        const Passes narrow = test.run({.columns = columns});
        std::vector<float> logits;
        for (std::size_t row = 0; row < test.batch.rows.size(); ++row) {
            for (const std::int32_t column : columns) {
                logits.push_back(whole.logits[row * width + static_cast<std::size_t>(column)]);
            }
        }
        EXPECT_LT(relative_error(narrow.logits, logits), 1e-5) << is_tied;
        EXPECT_LT(relative_error(narrow.gradients, whole.gradients), 1e-5) << is_tied;
    }
}

// A sequence longer than a run's usual tokens goes alone.
TEST(PassOptions, ALongSequenceIsItsOwnRun) {
    Case test(35);
    test.batch = random_batch(test.config, 1, 1, 1, 36);
    while (test.batch.tokens.size() < 700) test.batch.tokens.push_back(5);
    test.batch.starts = {0, 1, 700};
    test.batch.rows = {0, 350, 699};
    test.d_logits = random_numbers(logit_count(test.config, test.batch), 37);
    const Passes kept = test.run({});
    EXPECT_EQ(kept.chunks, (std::vector<std::size_t>{0, 1}));
    EXPECT_EQ(test.run({.recompute = true}).gradients, kept.gradients);
}

TEST(PassOptionsDeath, ColumnsThatAreNotAscendingTokensAreABug) {
    const Case test(38);
    for (const std::vector<std::int32_t>& columns :
         {std::vector<std::int32_t>{3, 2}, {4, 4}, {-1}, {112}}) {
        EXPECT_DEATH(test.run({.columns = columns}), "columns");
    }
}

TEST(PassOptionsDeath, AChunkHasRows) { EXPECT_DEATH(Case(39).run({.logit_rows = 0}), "rows"); }

}  // namespace
}  // namespace dws
