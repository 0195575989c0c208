// Generation against the whole pass: the same tokens, however they are cut, give the same logits.
#include "model/decode.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/bf16_products.h"
#include "tests/model/golden_model.h"

namespace dws {
namespace {

std::vector<float> full_logits(const ModelConfig& config, const std::vector<Bf16>& words,
                               const TokenBatch& batch, Products products = Products::fp32) {
    const std::unique_ptr<Backend> backend = make_cpu_backend(1, products);
    const ActivationsPointer activations = make_activations();
    std::vector<float> logits(batch.rows.size() * static_cast<std::size_t>(config.vocab_size));
    forward(config, words, batch, *backend, *activations, logits);
    return logits;
}

// One cache and what it needs. logits of the last call: (wanting inputs, V).
struct Generation {
    const ModelConfig& config;
    const std::vector<Bf16>& words;
    std::unique_ptr<Backend> backend;
    KvCache cache;
    DecodeBuffers buffers{};
    std::vector<float> logits{};

    Generation(const ModelConfig& model, const std::vector<Bf16>& weights, int slots, int threads,
               int capacity_tokens = 64, Products products = Products::fp32)
        : config(model),
          words(weights),
          backend(make_cpu_backend(threads, products)),
          cache(model, slots, capacity_tokens, 0, backend->cached_bytes()) {}

    void feed(const std::vector<NewTokens>& inputs) {
        const auto wanting = static_cast<std::size_t>(std::ranges::count_if(
            inputs, [](const NewTokens& input) { return input.wants_logits; }));
        logits.assign(wanting * static_cast<std::size_t>(config.vocab_size), 0.0f);
        decode(config, words, inputs, *backend, cache, buffers, logits);
    }
};

std::span<const float> row(const std::vector<float>& logits, const ModelConfig& config,
                           std::size_t index) {
    const std::size_t width = static_cast<std::size_t>(config.vocab_size);
    return std::span(logits).subspan(index * width, width);
}

class DecodeGolden : public testing::TestWithParam<std::string> {};

TEST_P(DecodeGolden, OneTokenAtATimeGivesTheWholePassesLogits) {
    const GoldenModel golden(GetParam());
    const std::vector<float> expected = full_logits(golden.config, golden.words, golden.batch);
    Generation generation(golden.config, golden.words, 1, 1);
    for (std::size_t sequence = 0; sequence + 1 < golden.batch.starts.size(); ++sequence) {
        generation.cache.clear(0);
        for (std::int32_t at = golden.batch.starts[sequence];
             at < golden.batch.starts[sequence + 1]; ++at) {
            const std::size_t token = static_cast<std::size_t>(at);
            generation.feed({{0, {golden.batch.tokens[token]}}});
            EXPECT_LT(relative_error(generation.logits, row(expected, golden.config, token)), 1e-5)
                << "token " << token;
        }
    }
}

// The products have the same bits; attention adds in another order, and a sum that falls to the
// other side of a rounding is 1/256 off.
TEST_P(DecodeGolden, InBf16TheyAreThoseOfTheWholePassInBf16) {
    if (!has_bf16_products()) GTEST_SKIP() << "no bf16 matrix unit here";
    const GoldenModel golden(GetParam());
    const std::vector<float> expected =
        full_logits(golden.config, golden.words, golden.batch, Products::bf16);
    Generation generation(golden.config, golden.words, 1, 1, 64, Products::bf16);
    const std::int32_t end = golden.batch.starts[1];
    for (std::int32_t at = 0; at < end; ++at) {
        const std::size_t token = static_cast<std::size_t>(at);
        generation.feed({{0, {golden.batch.tokens[token]}}});
        EXPECT_LT(relative_error(generation.logits, row(expected, golden.config, token)), 2e-3)
            << "token " << token;
    }
}

INSTANTIATE_TEST_SUITE_P(Variants, DecodeGolden, testing::ValuesIn(golden_names()),
                         [](const auto& variant) { return variant.param; });

// Several slots advance by random chunks, in random order and number; a slot that is done is
// cleared and takes the next sequence.
void feed_ragged(int slots, int longest_chunk, int threads, unsigned seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 21));
    const TokenBatch batch = random_batch(config, 3 * slots, 61, 1, seed);
    const std::vector<float> expected = full_logits(config, words, batch);
    Generation generation(config, words, slots, threads);
    std::mt19937 random(seed);
    std::vector<std::size_t> sequence_of(static_cast<std::size_t>(slots));
    std::size_t next_sequence = 0, checked = 0;
    for (std::size_t& sequence : sequence_of) sequence = next_sequence++;
    while (checked < batch.starts.size() - 1) {
        std::vector<NewTokens> inputs;
        std::vector<std::size_t> last;
        for (int slot = slots - 1; slot >= 0; --slot) {  // not in the slots' order
            std::size_t& sequence = sequence_of[static_cast<std::size_t>(slot)];
            if (sequence + 1 < batch.starts.size() &&
                batch.starts[sequence] + generation.cache.length(slot) ==
                    batch.starts[sequence + 1]) {
                generation.cache.clear(slot);
                sequence = next_sequence++;
                ++checked;
            }
            if (sequence + 1 >= batch.starts.size() || random() % 4 == 0) continue;
            const int first = batch.starts[sequence] + generation.cache.length(slot);
            const int left = batch.starts[sequence + 1] - first;
            const int chunk = std::min(
                left, 1 + static_cast<int>(random() % static_cast<unsigned>(longest_chunk)));
            inputs.push_back(
                {slot, {batch.tokens.begin() + first, batch.tokens.begin() + first + chunk}});
            last.push_back(static_cast<std::size_t>(first + chunk - 1));
        }
        generation.feed(inputs);
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            ASSERT_LT(
                relative_error(row(generation.logits, config, i), row(expected, config, last[i])),
                1e-5);
        }
    }
}

TEST(Decode, RaggedChunksInSeveralReusedSlotsGiveTheWholePassesLogits) { feed_ragged(7, 9, 1, 31); }

TEST(Decode, SeveralThreadsGiveTheWholePassesLogits) { feed_ragged(5, 4, 3, 32); }

// Many rows go to another matrix product than few.
TEST(Decode, LargePromptsGiveTheWholePassesLogits) { feed_ragged(12, 61, 2, 33); }

TEST(Decode, AResultDoesNotDependOnItsNeighbours) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 22));
    Generation alone(config, words, 1, 1);
    alone.feed({{0, {5, 9, 11}}});
    Generation crowd(config, words, 4, 1);
    crowd.feed({{3, {1}}, {1, {5, 9, 11}}, {0, {7, 7}}});
    const std::span<const float> own = row(crowd.logits, config, 1);
    EXPECT_EQ(std::vector<float>(own.begin(), own.end()), alone.logits);
}

TEST(Decode, NoInputsIsNoWork) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 22));
    Generation generation(config, words, 2, 1);
    generation.feed({});
    EXPECT_EQ(generation.cache.length(0), 0);
}

TEST(Decode, TheCacheIsExtendedByAllTokensAndFillsToItsLast) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 22));
    Generation generation(config, words, 2, 1);
    generation.feed({{1, std::vector<std::int32_t>(60, 3)}});
    generation.feed({{1, {1, 2, 3, 4}}, {0, {1}}});
    EXPECT_EQ(generation.cache.length(1), 64);
    EXPECT_EQ(generation.cache.length(0), 1);
    EXPECT_DEATH(generation.feed({{1, {1}}}), "capacity");
}

TEST(DecodeDeath, SlotsAndTokensOutOfBoundsAreBugs) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 22));
    Generation generation(config, words, 2, 1);
    EXPECT_DEATH(generation.feed({{2, {1}}}), "slot");
    Generation other(config, words, 2, 1);
    other.cache = KvCache(config, 2, 64, 0, 2);
    EXPECT_DEATH(other.feed({{0, {1}}}), "made for this backend");
    EXPECT_DEATH(generation.feed({{-1, {1}}}), "slot");
    EXPECT_DEATH(generation.feed({{0, {}}}), "tokens");
    EXPECT_DEATH(generation.feed({{0, {112}}}), "vocabulary");
    EXPECT_DEATH(generation.feed({{0, {1}}, {0, {1}}}), "once");
    EXPECT_DEATH(generation.feed({{0, std::vector<std::int32_t>(65, 1)}}), "capacity");
}

// A pass over 2,000 tokens, in pieces of 256 and then one by one.
TEST(Decode, LongContextsGiveTheWholePassesLogits) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 24));
    TokenBatch batch;
    std::mt19937 random(34);
    for (int i = 0; i < 2000; ++i)
        batch.tokens.push_back(static_cast<std::int32_t>(random() % 112));
    batch.starts = {0, 2000};
    for (int i = 1990; i < 2000; ++i) batch.rows.push_back(i);
    const std::vector<float> expected = full_logits(config, words, batch);
    Generation generation(config, words, 1, 2, 2000);
    const auto feed = [&](std::ptrdiff_t first, std::ptrdiff_t end, bool wants_logits) {
        generation.feed(
            {{0, {batch.tokens.begin() + first, batch.tokens.begin() + end}, wants_logits}});
    };
    for (std::ptrdiff_t at = 0; at < 1990; at += 256) {
        feed(at, std::min<std::ptrdiff_t>(at + 256, 1990), false);
    }
    for (std::size_t i = 0; i < 10; ++i) {
        feed(1990 + static_cast<std::ptrdiff_t>(i), 1991 + static_cast<std::ptrdiff_t>(i), true);
        EXPECT_LT(relative_error(generation.logits, row(expected, config, i)), 1e-5) << i;
    }
}

TEST(Decode, OnlyInputsThatWantLogitsGetThem) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 22));
    Generation all(config, words, 3, 1);
    all.feed({{0, {4, 5}}, {1, {6}}, {2, {7, 8}}});
    Generation some(config, words, 3, 1);
    some.feed({{0, {4, 5}, false}, {1, {6}}, {2, {7, 8}, false}});
    const std::span<const float> wanted = row(all.logits, config, 1);
    EXPECT_EQ(some.logits, std::vector<float>(wanted.begin(), wanted.end()));
    some.feed({{0, {9}, false}});
    EXPECT_TRUE(some.logits.empty());
    EXPECT_EQ(some.cache.length(0), 3);
}

TEST(Decode, ASharedBeginningGivesTheBitsOfACachedOne) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 25));
    const std::vector<std::int32_t> beginning(37, 9);
    Generation alone(config, words, 1, 1);
    alone.feed({{0, beginning}});
    alone.feed({{0, {11}}});
    const std::vector<float> second = alone.logits;
    alone.feed({{0, {12}}});

    Generation sharing(config, words, 2, 1);
    sharing.feed({{0, beginning}});
    sharing.cache.share(0, 1, 37);
    sharing.feed({{0, {80}}});  // another way from the same page on
    sharing.feed({{1, {11}}});
    EXPECT_EQ(sharing.logits, second);
    sharing.cache.clear(0);
    sharing.feed({{1, {12}}});
    EXPECT_EQ(sharing.logits, alone.logits);
}

}  // namespace
}  // namespace dws
