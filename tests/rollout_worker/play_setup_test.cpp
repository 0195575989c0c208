#include "rollout_worker/play_setup.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "rollout_worker/letters_text.h"

namespace dws {
namespace {

TEST(PlaySetup, TheCacheIsAsLargeAsTheConfigSays) {
    WorkerSection worker;
    worker.cache_tokens = 61;
    worker.prompt_tokens = 5;
    const EngineOptions options = engine_options(worker, LettersText(), 3);
    EXPECT_EQ(options.slots, 3);
    EXPECT_EQ(options.capacity_tokens, 61);
    EXPECT_EQ(options.cache_tokens, 61);
    EXPECT_EQ(options.prompt_tokens_max, 5);
    worker.cache_tokens = 0;
    EXPECT_EQ(engine_options(worker, LettersText(), 3).cache_tokens, 0);
}

TEST(PlaySetup, ACacheForLessThanOneGameIsRefused) {
    WorkerSection worker;
    worker.cache_tokens = 60;
    try {
        engine_options(worker, LettersText(), 3);
        FAIL() << "60 tokens do not hold a game of 61";
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "worker.cache_tokens: 60 is below the 61 of one game");
    }
}

}  // namespace
}  // namespace dws
