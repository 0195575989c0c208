#include "rollout_worker/native_engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "model/logprob.h"
#include "tests/rollout_worker/fixture.h"

namespace dws {
namespace {

GenerateRequest request(std::uint64_t sequence, std::vector<std::int32_t> context, int new_tokens) {
    GenerateRequest request;
    request.sequence = sequence;
    request.context = std::move(context);
    request.new_tokens = new_tokens;
    request.seed = 1000 + sequence;
    return request;
}

struct NativeEngineTest : ::testing::Test {
    const ModelConfig config = small_model();
    std::vector<Bf16> words = random_model_words(config, 1);
    const std::vector<Bf16> other_words = random_model_words(config, 2);
    const std::unique_ptr<Backend> backend = make_cpu_backend(1);

    EngineOptions options(int slots, KvPolicy policy = KvPolicy::keep) const {
        EngineOptions options;
        options.slots = slots;
        options.capacity_tokens = 61;
        options.allowed_tokens = LettersText().allowed_tokens();
        options.kv_policy = policy;
        return options;
    }
    NativeEngine engine(int slots, KvPolicy policy = KvPolicy::keep) const {
        return NativeEngine(config, *backend, options(slots, policy));
    }
    static Completion finish(NativeEngine& engine) {
        for (int boundary = 0; boundary < 100; ++boundary) {
            std::vector<Completion> whole = engine.advance();
            if (!whole.empty()) return whole.front();
        }
        ADD_FAILURE() << "no completion";
        return {};
    }
    std::vector<float> fresh_logprobs(const std::vector<std::int32_t>& context) const {
        KvCache cache(config, 1, 61);
        DecodeBuffers buffers;
        std::vector<float> logits(static_cast<std::size_t>(config.vocab_size));
        const std::vector<NewTokens> inputs{{0, context}};
        decode(config, words, inputs, *backend, cache, buffers, logits);
        const std::vector<std::int32_t> allowed = LettersText().allowed_tokens();
        std::vector<float> logprobs(allowed.size());
        log_softmax(logits, config.vocab_size, allowed, 1, logprobs);
        return logprobs;
    }
    // Of a lower-case letter's token.
    static float logprob_of(const std::vector<float>& logprobs, std::int32_t token) {
        return logprobs[static_cast<std::size_t>(token - 1)];
    }
};

TEST_F(NativeEngineTest, SamplesAllowedTokensWithTheirLogprobs) {
    NativeEngine engine = this->engine(1);
    engine.set_weights(words, 0, 0);
    engine.submit(request(1, {0}, 20));
    EXPECT_EQ(engine.in_flight(), 1u);
    const Completion completion = finish(engine);
    ASSERT_EQ(completion.tokens.size(), 20u);
    std::vector<std::int32_t> context{0};
    for (std::size_t i = 0; i < completion.tokens.size(); ++i) {
        const std::int32_t token = completion.tokens[i];
        ASSERT_TRUE(token >= 1 && token <= 26);
        EXPECT_NEAR(completion.logprobs[i], logprob_of(fresh_logprobs(context), token), 1e-4);
        context.push_back(token);
    }
    EXPECT_EQ(engine.in_flight(), 0u);
}

TEST_F(NativeEngineTest, ASequenceIsTheSameWhateverSharesItsBatch) {
    std::map<std::uint64_t, Completion> alone;
    for (std::uint64_t sequence = 0; sequence < 9; ++sequence) {
        NativeEngine engine = this->engine(1);
        engine.set_weights(words, 0, 0);
        engine.submit(request(sequence, {0}, 5 + static_cast<int>(sequence)));
        alone[sequence] = finish(engine);
    }
    constexpr unsigned kSeed = 5;
    std::mt19937 random(kSeed);
    NativeEngine engine = this->engine(9);
    engine.set_weights(words, 0, 0);
    std::vector<std::uint64_t> order{0, 1, 2, 3, 4, 5, 6, 7, 8};
    std::shuffle(order.begin(), order.end(), random);
    std::size_t finished = 0;
    for (int boundary = 0; boundary < 100 && finished < 9; ++boundary) {
        if (!order.empty() && boundary % 2 == 0) {
            const std::uint64_t sequence = order.back();
            order.pop_back();
            engine.submit(request(sequence, {0}, 5 + static_cast<int>(sequence)));
        }
        for (const Completion& completion : engine.advance()) {
            finished += 1;
            const Completion& expected = alone.at(completion.sequence);
            EXPECT_EQ(completion.tokens, expected.tokens) << "seed " << kSeed;
            EXPECT_EQ(completion.logprobs, expected.logprobs) << "seed " << kSeed;
        }
    }
    EXPECT_EQ(finished, 9u);
}

TEST_F(NativeEngineTest, ASequenceGoesOnWithTheEnvironmentsTokens) {
    NativeEngine engine = this->engine(2);
    engine.set_weights(words, 0, 0);
    engine.submit(request(7, {0}, 5));
    std::vector<std::int32_t> context{0};
    const Completion first = finish(engine);
    context.insert(context.end(), first.tokens.begin(), first.tokens.end());
    context.insert(context.end(), {30, 60, 90, 31, 61});
    engine.submit(request(7, context, 1));
    const Completion second = finish(engine);
    EXPECT_NEAR(second.logprobs[0], logprob_of(fresh_logprobs(context), second.tokens[0]), 1e-4);
}

TEST_F(NativeEngineTest, AReleasedSlotHoldsNothingOfItsPast) {
    NativeEngine engine = this->engine(1);
    engine.set_weights(words, 0, 0);
    engine.submit(request(1, {0, 5, 6, 7}, 3));
    finish(engine);
    EXPECT_FALSE(engine.has_room());
    engine.release(1);
    EXPECT_TRUE(engine.has_room());
    engine.submit(request(2, {0}, 4));
    const Completion reused = finish(engine);
    NativeEngine fresh = this->engine(1);
    fresh.set_weights(words, 0, 0);
    fresh.submit(request(2, {0}, 4));
    const Completion expected = finish(fresh);
    EXPECT_EQ(reused.tokens, expected.tokens);
    EXPECT_EQ(reused.logprobs, expected.logprobs);
}

TEST_F(NativeEngineTest, ACommitInTheMiddleMarksEveryTokenWithItsVersion) {
    NativeEngine engine = this->engine(1);
    engine.set_weights(words, 3, 30);
    engine.submit(request(1, {0}, 5));
    EXPECT_TRUE(engine.advance().empty());
    EXPECT_TRUE(engine.advance().empty());
    words = other_words;
    engine.set_weights(words, 5, 50);
    const Completion completion = finish(engine);
    EXPECT_EQ(completion.versions, (std::vector<std::int64_t>{3, 3, 5, 5, 5}));
    EXPECT_EQ(completion.steps, (std::vector<std::int64_t>{30, 30, 50, 50, 50}));
}

// Ten tokens by the old weights, then one by the new ones.
struct CommitTest : NativeEngineTest {
    std::vector<std::int32_t> context;
    Completion after_commit(KvPolicy policy) {
        NativeEngine engine = this->engine(3, policy);
        engine.set_weights(words, 0, 0);
        engine.submit(request(1, {0}, 10));
        const Completion before = finish(engine);
        std::copy(other_words.begin(), other_words.end(), words.begin());
        engine.set_weights(words, 1, 1);
        context = {0};
        context.insert(context.end(), before.tokens.begin(), before.tokens.end());
        engine.submit(request(1, context, 1));
        return finish(engine);
    }
};

TEST_F(CommitTest, RecomputeIsAFreshStartWithTheNewWeights) {
    const Completion completion = after_commit(KvPolicy::recompute);
    EXPECT_NEAR(completion.logprobs[0], logprob_of(fresh_logprobs(context), completion.tokens[0]),
                1e-4);
}

TEST_F(CommitTest, KeepGoesOnFromTheOldKeysAndValues) {
    const Completion completion = after_commit(KvPolicy::keep);
    EXPECT_GT(std::abs(completion.logprobs[0] -
                       logprob_of(fresh_logprobs(context), completion.tokens[0])),
              1e-3);
}

// Long prompts and their pages. At most 48 tokens at a time, which are products of one kind, so
// that bits can be compared.
struct PromptTest : NativeEngineTest {
    EngineOptions long_options(int slots) const {
        EngineOptions options = this->options(slots);
        options.capacity_tokens = 200;
        return options;
    }
    NativeEngine long_engine(int slots, const std::vector<Bf16>& weights, int prompt_tokens_max,
                             KvPolicy policy = KvPolicy::keep) const {
        EngineOptions options = long_options(slots);
        options.prompt_tokens_max = prompt_tokens_max;
        options.kv_policy = policy;
        NativeEngine engine(config, *backend, options);
        engine.set_weights(weights, 0, 0);
        return engine;
    }
    // The first `same` tokens are those of every prompt, the others its own.
    std::vector<std::int32_t> prompt(std::size_t tokens, std::size_t same, unsigned own) const {
        std::vector<std::int32_t> prompt(tokens);
        for (std::size_t i = 0; i < tokens; ++i) {
            prompt[i] = static_cast<std::int32_t>((i < same ? 3 * i : 5 * i + own) % 112);
        }
        return prompt;
    }
    Completion alone(const GenerateRequest& asked, const std::vector<Bf16>& weights) const {
        NativeEngine engine = long_engine(1, weights, 40);
        engine.submit(asked);
        return finish(engine);
    }
    // By sequence, in any order.
    static std::map<std::uint64_t, Completion> finish_all(NativeEngine& engine,
                                                          std::size_t wanted) {
        std::map<std::uint64_t, Completion> whole;
        for (int boundary = 0; boundary < 300 && whole.size() < wanted; ++boundary) {
            for (Completion& completion : engine.advance()) {
                const std::uint64_t sequence = completion.sequence;
                whole.emplace(sequence, std::move(completion));
            }
        }
        EXPECT_EQ(whole.size(), wanted);
        return whole;
    }
    static void expect_same(const Completion& own, const Completion& wanted) {
        EXPECT_EQ(own.tokens, wanted.tokens) << "sequence " << wanted.sequence;
        EXPECT_EQ(own.logprobs, wanted.logprobs) << "sequence " << wanted.sequence;
    }
};

TEST_F(PromptTest, SharedAndCutPromptsGiveTheBitsOfUnsharedWholeOnes) {
    for (const int prompt_tokens_max : {1, 7, 30}) {
        NativeEngine engine = long_engine(5, words, prompt_tokens_max);
        std::vector<GenerateRequest> asked;
        for (const std::size_t same : {40u, 40u, 33u, 32u, 5u}) {
            const std::uint64_t sequence = asked.size();
            asked.push_back(
                request(sequence, prompt(40, same, static_cast<unsigned>(sequence)), 12));
            engine.submit(asked.back());
        }
        const auto whole = finish_all(engine, asked.size());
        for (const GenerateRequest& one : asked) {
            expect_same(whole.at(one.sequence), alone(one, words));
        }
    }
}

TEST_F(PromptTest, GamesOfOneGroupHoldTheirPromptOnce) {
    NativeEngine engine = long_engine(4, words, 64);
    const std::size_t pages = engine.free_pages();
    for (std::uint64_t sequence = 0; sequence < 4; ++sequence) {
        engine.submit(request(sequence, prompt(100, 100, 0), 4));
    }
    finish_all(engine, 4);
    // 96 tokens together; each its own rest of the prompt and what it sampled.
    EXPECT_EQ(engine.free_pages(), pages - 6 - 4);
    engine.release(0);
    EXPECT_EQ(engine.free_pages(), pages - 6 - 3);
    for (std::uint64_t sequence = 1; sequence < 4; ++sequence) engine.release(sequence);
    EXPECT_EQ(engine.free_pages(), pages);
}

TEST_F(PromptTest, ALaterGameTakesThePromptFromOneThatPlays) {
    NativeEngine engine = long_engine(2, words, 64);
    engine.submit(request(0, prompt(40, 40, 0), 30));
    for (int i = 0; i < 5; ++i) engine.advance();
    const std::size_t pages = engine.free_pages();
    const GenerateRequest later = request(1, prompt(40, 40, 0), 1);
    engine.submit(later);
    const std::vector<Completion> whole = engine.advance();
    ASSERT_EQ(whole.size(), 1u) << "one boundary computes the last token alone";
    EXPECT_EQ(engine.free_pages(), pages - 1);
    expect_same(whole.front(), alone(later, words));
}

TEST_F(PromptTest, ALongPromptDoesNotHoldUpWhoIsSampling) {
    NativeEngine engine = long_engine(2, words, 16);
    engine.submit(request(0, {0}, 8));
    engine.advance();
    engine.submit(request(1, prompt(100, 0, 1), 1));
    std::vector<std::uint64_t> order;
    for (int boundary = 0; boundary < 7; ++boundary) {
        for (const Completion& completion : engine.advance()) order.push_back(completion.sequence);
    }
    EXPECT_EQ(order, (std::vector<std::uint64_t>{0, 1})) << "7 boundaries of 16 tokens are 100";
}

// The prompt was computed by other weights: a game that begins now has nothing of them. A version
// that was found damaged comes once more, under the same number.
TEST_F(PromptTest, KeysAndValuesOfOtherWeightsAreNotShared) {
    for (const std::int64_t version : {1, 0}) {
        NativeEngine engine = long_engine(2, words, 40);  // version 0
        engine.submit(request(0, prompt(64, 64, 0), 1));
        finish_all(engine, 1);
        engine.set_weights(other_words, version, version);
        const GenerateRequest later = request(1, prompt(64, 64, 0), 5);
        engine.submit(later);
        expect_same(finish_all(engine, 1).at(1), alone(later, other_words));
    }
}

TEST_F(PromptTest, RecomputeSharesAgainAndIsAFreshStart) {
    NativeEngine engine = long_engine(4, words, 30, KvPolicy::recompute);
    for (std::uint64_t sequence = 0; sequence < 4; ++sequence) {
        engine.submit(request(sequence, prompt(80, 70, static_cast<unsigned>(sequence)), 3));
    }
    const auto before = finish_all(engine, 4);
    engine.release(0);  // who computed what the others share
    const std::size_t pages = engine.free_pages();
    engine.set_weights(other_words, 1, 1);
    EXPECT_EQ(engine.free_pages(), pages);
    for (std::uint64_t sequence = 1; sequence < 4; ++sequence) {
        std::vector<std::int32_t> context = prompt(80, 70, static_cast<unsigned>(sequence));
        const std::vector<std::int32_t>& sampled = before.at(sequence).tokens;
        context.insert(context.end(), sampled.begin(), sampled.end());
        const GenerateRequest next = request(sequence, context, 3);
        engine.submit(next);
        expect_same(finish_all(engine, 1).at(sequence), alone(next, other_words));
    }
}

TEST_F(PromptTest, AFullPoolRefusesRoomAndNothingRunsOutMidway) {
    EngineOptions small = long_options(8);
    small.cache_tokens = 450;  // 29 pages; a sequence may come to need 13
    NativeEngine engine(config, *backend, small);
    engine.set_weights(words, 0, 0);
    engine.submit(request(0, prompt(40, 0, 1), 160));
    EXPECT_TRUE(engine.has_room());
    engine.submit(request(1, prompt(40, 0, 2), 160));
    EXPECT_FALSE(engine.has_room()) << "3 pages are left for a third";
    EXPECT_DEATH(engine.submit(request(2, {0}, 1)), "has_room");
    finish_all(engine, 2);
    EXPECT_FALSE(engine.has_room());
    engine.release(0);
    EXPECT_TRUE(engine.has_room());
}

TEST_F(PromptTest, SharingMakesRoomForMore) {
    EngineOptions small = long_options(8);
    small.cache_tokens = 450;
    NativeEngine engine(config, *backend, small);
    engine.set_weights(words, 0, 0);
    engine.submit(request(0, prompt(190, 190, 0), 5));
    engine.submit(request(1, prompt(190, 190, 0), 5));
    finish_all(engine, 2);
    EXPECT_TRUE(engine.has_room()) << "two hold 15 of 29 pages";
    engine.submit(request(2, prompt(190, 190, 0), 5));
    finish_all(engine, 1);
}

using NativeEngineDeathTest = NativeEngineTest;

TEST_F(NativeEngineDeathTest, NothingIsSampledBeforeThereAreWeights) {
    NativeEngine engine = this->engine(1);
    engine.submit(request(1, {0}, 1));
    EXPECT_DEATH(engine.advance(), "committed before");
}

TEST_F(NativeEngineDeathTest, AContextMustGoOnFromWhatTheSequenceHolds) {
    NativeEngine engine = this->engine(1);
    engine.set_weights(words, 0, 0);
    engine.submit(request(1, {0, 3}, 1));
    finish(engine);
    EXPECT_DEATH(engine.submit(request(1, {0, 4, 5, 6}, 1)), "goes on");
}

}  // namespace
}  // namespace dws
