#include "rollout_worker/scripted_engine.h"

#include <gtest/gtest.h>

#include <set>

#include "env_wordle/wordle.h"
#include "sync/games/game_group.h"
#include "tests/rollout_worker/fixture.h"

namespace dws {
namespace {

GenerateRequest request(std::uint64_t sequence, std::vector<std::int32_t> context,
                        std::uint64_t seed) {
    GenerateRequest request;
    request.sequence = sequence;
    request.context = std::move(context);
    request.new_tokens = LettersText::kWordLetters;
    request.seed = seed;
    return request;
}

EnvReply judged(const std::string& guess, const std::string& secret) {
    EnvReply reply;
    reply.feedback = text_of(judge(guess, secret));
    return reply;
}

TEST(ScriptedEngine, EveryGuessFitsAllFeedbackBefore) {
    const LettersText text;
    ScriptedEngine engine(garden_words(), 1);
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        const std::string& secret = garden_words()[seed % garden_words().size()];
        std::vector<std::int32_t> context = text.opening({});
        std::vector<std::string> guesses;
        for (int turn = 0; turn < LettersText::kTurnsMax; ++turn) {
            engine.submit(request(seed, context, seed));
            const std::vector<Completion> completions = engine.advance();
            ASSERT_EQ(completions.size(), 1u);
            const std::vector<std::int32_t> answer = completions[0].tokens;
            const std::string guess = text.answer_text(answer);
            for (const std::string& before : guesses) {
                EXPECT_EQ(judge(before, guess), judge(before, secret)) << guess << " seed " << seed;
            }
            guesses.push_back(guess);
            if (guess == secret) break;
            const auto reply = *text.reply_tokens(answer, judged(guess, secret));
            context.insert(context.end(), answer.begin(), answer.end());
            context.insert(context.end(), reply.begin(), reply.end());
        }
        EXPECT_EQ(guesses.back(), secret) << "seed " << seed;
        engine.release(seed);
    }
}

TEST(ScriptedEngine, NothingClaimsToHaveSampledItsTokens) {
    ScriptedEngine engine(garden_words(), 2);
    engine.submit(request(5, {0}, 1));
    EXPECT_EQ(engine.in_flight(), 1u);
    const std::vector<Completion> completions = engine.advance();
    EXPECT_EQ(engine.in_flight(), 0u);
    ASSERT_EQ(completions.size(), 1u);
    EXPECT_EQ(completions[0].sequence, 5u);
    EXPECT_EQ(completions[0].logprobs, std::vector<float>(5, 0.0f));
    EXPECT_EQ(completions[0].versions, std::vector<std::int64_t>(5, kNoVersion));
    EXPECT_EQ(completions[0].steps, std::vector<std::int64_t>(5, kNoVersion));
}

TEST(ScriptedEngine, SeedsChooseAmongTheWordsThatFit) {
    const LettersText text;
    ScriptedEngine engine(garden_words(), 100);
    std::set<std::string> first_guesses;
    for (std::uint64_t seed = 0; seed < 100; ++seed) engine.submit(request(seed, {0}, seed));
    EXPECT_FALSE(engine.has_room());
    for (const Completion& completion : engine.advance()) {
        first_guesses.insert(text.answer_text(completion.tokens));
    }
    EXPECT_GT(first_guesses.size(), 15u);
}

TEST(ScriptedEngine, ASecretFromAnotherListStillGetsAWord) {
    const LettersText text;
    ScriptedEngine engine({"crane"}, 1);
    std::vector<std::int32_t> context = text.opening({});
    const auto answer = text.word_tokens("crane");
    const auto reply = *text.reply_tokens(answer, judged("crane", "olive"));
    context.insert(context.end(), answer.begin(), answer.end());
    context.insert(context.end(), reply.begin(), reply.end());
    engine.submit(request(1, context, 1));
    EXPECT_EQ(text.answer_text(engine.advance().at(0).tokens), "crane");
}

}  // namespace
}  // namespace dws
