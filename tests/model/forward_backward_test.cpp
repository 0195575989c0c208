// The training passes against Hugging Face's model, against themselves cut differently, and
// against finite differences.
#include <gtest/gtest.h>

#include "tests/model/passes.h"

namespace dws {
namespace {

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, LogitsAreThoseOfTransformers) {
    const GoldenModel golden(GetParam());
    const Passes passes = run_passes(golden.config, golden.words, golden.batch, golden.d_logits, 1);
    EXPECT_LT(relative_error(passes.logits, golden.logits), 1e-4);
}

TEST_P(Golden, GradientsOfEveryParameterAreThoseOfAutograd) {
    const GoldenModel golden(GetParam());
    const Passes passes = run_passes(golden.config, golden.words, golden.batch, golden.d_logits, 1);
    const TensorLayout layout = weight_layout(golden.config);
    for (std::size_t i = 0; i < layout.specs().size(); ++i) {
        const TensorSpec& spec = layout.specs()[i];
        const std::span<const float> own =
            std::span(passes.gradients)
                .subspan(layout.offset_bytes(i) / sizeof(Bf16), spec.elements());
        EXPECT_LT(relative_error(own, golden.gradient(spec.name)), 1e-3) << spec.name;
    }
}

TEST_P(Golden, GapsBetweenArraysHaveNoGradient) {
    const GoldenModel golden(GetParam());
    const Passes passes = run_passes(golden.config, golden.words, golden.batch, golden.d_logits, 1);
    const TensorLayout layout = weight_layout(golden.config);
    for (std::size_t i = 0; i < layout.specs().size(); ++i) {
        const std::size_t end =
            layout.offset_bytes(i) / sizeof(Bf16) + layout.specs()[i].elements();
        const std::size_t next = i + 1 < layout.specs().size()
                                     ? layout.offset_bytes(i + 1) / sizeof(Bf16)
                                     : passes.gradients.size();
        for (std::size_t gap = end; gap < next; ++gap) EXPECT_EQ(passes.gradients[gap], 0.0f);
    }
}

TEST_P(Golden, RowsChooseAmongTheSameLogits) {
    GoldenModel golden(GetParam());
    const std::size_t width = static_cast<std::size_t>(golden.config.vocab_size);
    golden.batch.rows = {0, 3, 7, 8, 38};  // 0 is a whole sequence, 38 the last token of all
    std::vector<float> expected;
    for (const std::int32_t row : golden.batch.rows) {
        const auto first = golden.logits.begin() + row * static_cast<std::ptrdiff_t>(width);
        expected.insert(expected.end(), first, first + static_cast<std::ptrdiff_t>(width));
    }
    const Passes passes = run_passes(golden.config, golden.words, golden.batch,
                                     std::vector<float>(expected.size(), 1.0f), 1);
    EXPECT_LT(relative_error(passes.logits, expected), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Variants, Golden, testing::ValuesIn(golden_names()),
                         [](const auto& variant) { return variant.param; });

// The batch is cut into several runs, which the golden ones are too small for.
TEST(Passes, ManySequencesGiveTheSumOfEachAlone) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 3));
    const TokenBatch batch = random_batch(config, 60, 61, 1, 4);
    const std::size_t width = static_cast<std::size_t>(config.vocab_size);
    const std::vector<float> d_logits = random_numbers(logit_count(config, batch), 5);
    const Passes together = run_passes(config, words, batch, d_logits, 1);
    std::vector<float> logits, gradients(words.size(), 0.0f);
    for (std::size_t sequence = 0; sequence + 1 < batch.starts.size(); ++sequence) {
        const std::int32_t first = batch.starts[sequence], end = batch.starts[sequence + 1];
        TokenBatch alone;
        alone.tokens.assign(batch.tokens.begin() + first, batch.tokens.begin() + end);
        alone.starts = {0, end - first};
        for (std::int32_t row = 0; row < end - first; ++row) alone.rows.push_back(row);
        const auto from = d_logits.begin() + static_cast<std::ptrdiff_t>(width) * first;
        const auto to = d_logits.begin() + static_cast<std::ptrdiff_t>(width) * end;
        const Passes passes = run_passes(config, words, alone, {from, to}, 1);
        logits.insert(logits.end(), passes.logits.begin(), passes.logits.end());
        for (std::size_t i = 0; i < gradients.size(); ++i) gradients[i] += passes.gradients[i];
    }
    EXPECT_LT(relative_error(together.logits, logits), 1e-5);
    EXPECT_LT(relative_error(together.gradients, gradients), 1e-5);
}

TEST(Passes, ThreadsChangeNothingButRounding) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 3));
    const TokenBatch batch = random_batch(config, 50, 61, 2, 6);
    const std::vector<float> d_logits = random_numbers(logit_count(config, batch), 7);
    const Passes one = run_passes(config, words, batch, d_logits, 1);
    for (const int threads : {2, 3}) {
        const Passes several = run_passes(config, words, batch, d_logits, threads);
        EXPECT_LT(relative_error(several.logits, one.logits), 1e-5) << threads;
        EXPECT_LT(relative_error(several.gradients, one.gradients), 1e-5) << threads;
    }
}

TEST(Passes, TheSameThreadsGiveTheSameBits) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 3));
    const TokenBatch batch = random_batch(config, 50, 61, 2, 8);
    const std::vector<float> d_logits = random_numbers(logit_count(config, batch), 9);
    for (const int threads : {1, 2}) {
        const Passes first = run_passes(config, words, batch, d_logits, threads);
        const Passes second = run_passes(config, words, batch, d_logits, threads);
        EXPECT_EQ(first.logits, second.logits) << threads;
        EXPECT_EQ(first.gradients, second.gradients) << threads;
    }
}

TEST(Passes, BuffersOfALargerBatchLeaveNoTrace) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 3));
    const std::unique_ptr<Backend> backend = make_cpu_backend(1);
    const ActivationsPointer activations = make_activations();
    const auto pass = [&](const TokenBatch& batch, unsigned seed, const PassOptions& options) {
        Passes passes(config, batch, random_numbers(logit_count(config, batch), seed));
        passes.run(words, *backend, *activations, options);
        return passes;
    };
    pass(random_batch(config, 40, 61, 1, 10), 11, {});
    pass(random_batch(config, 45, 61, 1, 12), 13, {.recompute = true, .logit_rows = 100});
    const TokenBatch small = random_batch(config, 5, 20, 3, 14);
    const Passes used = pass(small, 15, {});
    const Passes fresh =
        run_passes(config, words, small, random_numbers(logit_count(config, small), 15), 1);
    EXPECT_EQ(used.logits, fresh.logits);
    EXPECT_EQ(used.gradients, fresh.gradients);
}

TEST(Passes, GradientsAreAddedToWhatIsThere) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 3));
    const std::unique_ptr<Backend> backend = make_cpu_backend(1);
    const ActivationsPointer activations = make_activations();
    const TokenBatch batch = random_batch(config, 10, 30, 1, 16);
    Passes passes(config, batch, random_numbers(logit_count(config, batch), 17));
    passes.run(words, *backend, *activations, {});
    std::vector<float> twice = passes.gradients;
    for (float& gradient : twice) gradient *= 2;
    passes.run(words, *backend, *activations, {});
    EXPECT_LT(relative_error(passes.gradients, twice), 1e-6);
}

TEST(Passes, BackwardOverwritesWithTheGradientsOfGivenSlopes) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 3));
    const TokenBatch batch = random_batch(config, 20, 61, 2, 20);
    const std::vector<float> d_logits = random_numbers(logit_count(config, batch), 21);
    const std::unique_ptr<Backend> backend = make_cpu_backend(1);
    const ActivationsPointer activations = make_activations();
    std::vector<float> gradients(words.size(), 7.0f);
    backward(config, words, batch, *backend, *activations, d_logits, gradients);
    EXPECT_EQ(gradients, run_passes(config, words, batch, d_logits, 1).gradients);
}

TEST(Passes, LogitsAloneAreThoseOfTheTrainingPass) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 3));
    const TokenBatch batch = random_batch(config, 60, 61, 3, 18);
    const Passes passes =
        run_passes(config, words, batch, random_numbers(logit_count(config, batch), 19), 2);
    const std::unique_ptr<Backend> backend = make_cpu_backend(2);
    const ActivationsPointer activations = make_activations();
    std::vector<float> logits(passes.logits.size());
    forward(config, words, batch, *backend, *activations, logits);
    EXPECT_EQ(logits, passes.logits);
}

TEST(Passes, ABatchWithoutRowsOrTokensHasNoGradient) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 3));
    TokenBatch batch = random_batch(config, 4, 9, 1, 13);
    batch.rows.clear();
    const std::vector<float> zeros(words.size(), 0.0f);
    EXPECT_EQ(run_passes(config, words, batch, {}, 1).gradients, zeros);
    EXPECT_EQ(run_passes(config, words, {{}, {0}, {}}, {}, 1).gradients, zeros);
}

// The slope of sum(logits * d_logits) when one weight moves to neighbouring bf16 words. A weight
// is moved by two words each way; a few of each array are enough to tell a wrong formula.
TEST(Passes, GradientsAreSlopes) {
    const ModelConfig config = tiny_config();
    std::vector<Bf16> words = round_to_bf16(initial_weights(config, 3));
    const TokenBatch batch = random_batch(config, 4, 12, 1, 14);
    const std::vector<float> d_logits = random_numbers(logit_count(config, batch), 15);
    const Passes passes = run_passes(config, words, batch, d_logits, 1);
    const std::unique_ptr<Backend> backend = make_cpu_backend(1);
    const ActivationsPointer activations = make_activations();
    const auto loss = [&] {
        std::vector<float> logits(d_logits.size());
        forward(config, words, batch, *backend, *activations, logits);
        double total = 0;
        for (std::size_t i = 0; i < logits.size(); ++i) {
            total += static_cast<double>(logits[i]) * d_logits[i];
        }
        return total;
    };
    const TensorLayout layout = weight_layout(config);
    for (std::size_t i = 0; i < layout.specs().size(); ++i) {
        const std::size_t first = layout.offset_bytes(i) / sizeof(Bf16);
        const auto begin = passes.gradients.begin() + static_cast<std::ptrdiff_t>(first);
        const auto end = begin + static_cast<std::ptrdiff_t>(layout.specs()[i].elements());
        // Of each array the weight that matters most: the others drown in the rounding of sums.
        const std::size_t weight = static_cast<std::size_t>(
            std::max_element(begin, end,
                             [](float a, float b) { return std::fabs(a) < std::fabs(b); }) -
            passes.gradients.begin());
        const Bf16 before = words[weight];
        words[weight] = static_cast<Bf16>(before + 2);
        const double above = loss();
        const double width = from_bf16(static_cast<Bf16>(before + 2)) -
                             static_cast<double>(from_bf16(static_cast<Bf16>(before - 2)));
        words[weight] = static_cast<Bf16>(before - 2);
        const double slope = (above - loss()) / width;
        words[weight] = before;
        const double gradient = passes.gradients[weight];
        EXPECT_NEAR(slope, gradient, 0.02 * std::fabs(gradient)) << layout.specs()[i].name;
    }
}

TEST(PassesDeath, ATokenOutsideTheVocabularyIsABug) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 3));
    EXPECT_DEATH(run_passes(config, words, {{112}, {0, 1}, {}}, {}, 1), "vocabulary");
    EXPECT_DEATH(run_passes(config, words, {{-1}, {0, 1}, {}}, {}, 1), "vocabulary");
}

TEST(PassesDeath, RowsAndStartsThatDoNotFitTheTokensAreABug) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 3));
    const std::vector<float> d_logits(112, 0.0f);
    EXPECT_DEATH(run_passes(config, words, {{1, 2}, {0, 2}, {2}}, d_logits, 1), "rows");
    EXPECT_DEATH(run_passes(config, words, {{1, 2}, {0, 3}, {1}}, d_logits, 1), "starts");
}

}  // namespace
}  // namespace dws
