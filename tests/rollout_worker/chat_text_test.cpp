#include "rollout_worker/chat_text.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>

#include "base/clock.h"
#include "rollout_worker/game_text_of.h"
#include "rollout_worker/native_engine.h"
#include "rollout_worker/player.h"
#include "tests/rollout_worker/fixture.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

using Tokens = std::vector<std::int32_t>;

std::filesystem::path tokenizer_path() {
    return std::filesystem::path(SOURCE_ROOT) / "tests/golden/tokenizer/tokenizer.json";
}

const Tokenizer& tokenizer() {
    static const Tokenizer loaded = Tokenizer::load(tokenizer_path());
    return loaded;
}

Tokens letters(const std::string& word) {
    Tokens tokens;
    for (const char letter : word) tokens.push_back(*tokenizer().token_of({&letter, 1}));
    return tokens;
}

EnvReply feedback(const std::string& colours) {
    EnvReply reply;
    reply.feedback = colours;
    return reply;
}

TEST(ChatText, TheOpeningIsAChatThatWaitsForAnAnswer) {
    const std::string text = tokenizer().decode(ChatText(tokenizer_path(), false).opening({}));
    EXPECT_TRUE(text.starts_with("<|im_start|>system\n")) << text;
    EXPECT_NE(text.find("<|im_end|>\n<|im_start|>user\n"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with("<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"))
        << text;
}

TEST(ChatText, WithThinkingNoEmptyThoughtsStandBeforeTheAnswer) {
    const ChatText chat(tokenizer_path(), true);
    EXPECT_TRUE(tokenizer().decode(chat.opening({})).ends_with("<|im_start|>assistant\n"));
    const Tokens reply = *chat.reply_tokens(letters("crane"), feedback("XXXXX"));
    EXPECT_TRUE(tokenizer().decode(reply).ends_with("<|im_start|>assistant\n"));
}

TEST(ChatText, TheReplyColoursTheLettersAndOpensTheNextTurn) {
    const Tokens reply =
        *ChatText(tokenizer_path(), false).reply_tokens(letters("crane"), feedback("XGGYX"));
    EXPECT_EQ(tokenizer().decode(reply),
              "<|im_end|>\n<|im_start|>user\nFeedback: c X, r G, a G, n Y, e X<|im_end|>\n"
              "<|im_start|>assistant\n<think>\n\n</think>\n\n");
}

TEST(ChatText, OnlySingleLettersMayBeSampled) {
    const Tokens allowed = ChatText(tokenizer_path(), false).allowed_tokens();
    EXPECT_EQ(allowed, letters("abcdefghijklmnopqrstuvwxyz"));
}

TEST(ChatText, WordsComeBackFromTheirTokens) {
    const ChatText chat(tokenizer_path(), false);
    for (const std::string word : {"crane", "aaaaa", "zzzzz", "quick"})
        EXPECT_EQ(chat.answer_text(letters(word)), word);
}

// The reply is put together from parts; a tokenizer given all of its text says the same.
TEST(ChatText, ARepliesPartsAreTheTokensOfItsWholeText) {
    const unsigned seed = std::random_device{}();
    std::mt19937 random(seed);
    const ChatText chat(tokenizer_path(), false);
    for (int round = 0; round < 200; ++round) {
        std::string word, colours;
        for (int i = 0; i < ChatText::kWordLetters; ++i) {
            word += static_cast<char>('a' + random() % 26);
            colours += "XYG"[random() % 3];
        }
        const Tokens reply = *chat.reply_tokens(letters(word), feedback(colours));
        EXPECT_EQ(reply, tokenizer().encode(tokenizer().decode(reply))) << "seed " << seed;
    }
}

TEST(ChatText, NoGameIsLongerThanItSaysAndOneIsAsLong) {
    const ChatText chat(tokenizer_path(), false);
    std::size_t longest_reply = 0;
    for (char letter = 'a'; letter <= 'z'; ++letter) {
        for (const char colour : {'X', 'Y', 'G'}) {
            const auto reply = chat.reply_tokens(letters(std::string(5, letter)),
                                                 feedback(std::string(5, colour)));
            longest_reply = std::max(longest_reply, reply->size());
        }
    }
    EXPECT_EQ(static_cast<std::size_t>(chat.game_tokens_max()),
              chat.opening({}).size() + 6 * 5 + 5 * longest_reply);
}

TEST(ChatText, AReplyThatDoesNotFitTheGuessIsRefused) {
    const ChatText chat(tokenizer_path(), false);
    for (const std::string colours : {"", "XXXX", "XXXXXX", "XXQXX", "xxxxx"}) {
        const auto tokens = chat.reply_tokens(letters("crane"), feedback(colours));
        ASSERT_FALSE(tokens) << colours;
        EXPECT_EQ(tokens.error().fault, Fault::corrupt);
    }
}

TEST(ChatText, ATokenizerWithoutAChatsTokensIsRefused) {
    std::ifstream golden(tokenizer_path());
    std::string text{std::istreambuf_iterator<char>(golden), {}};
    const ScratchFolder folder;
    text.replace(text.find("</think>"), 8, "</other>");
    std::ofstream(folder / "t.json") << text;
    EXPECT_NO_THROW(ChatText(folder / "t.json", true));
    EXPECT_THROW(ChatText(folder / "t.json", false), std::runtime_error);
    text.replace(text.find("<|im_end|>"), 10, "<|im_alt|>");
    std::ofstream(folder / "t.json") << text;
    EXPECT_THROW(ChatText(folder / "t.json", true), std::runtime_error);
}

// Random weights answer five letters in every turn, and the tokens are a chat throughout.
TEST(ChatText, RandomWeightsPlayWholeGames) {
    RunningEnv env;
    const ChatText chat(tokenizer_path(), false);
    ModelConfig config = small_model();
    config.vocab_size = chat.vocabulary() + 3;
    const std::vector<Bf16> words = random_model_words(config, 3);
    const std::unique_ptr<Backend> backend = make_cpu_backend(1);
    EngineOptions options;
    options.slots = 4;
    options.capacity_tokens = chat.game_tokens_max();
    options.allowed_tokens = chat.allowed_tokens();
    NativeEngine engine(config, *backend, options);
    engine.set_weights(words, 1, 1);
    EnvClientOptions client;
    client.endpoint = env.endpoint();
    EnvClient line(client);
    Player player(engine, line, chat, {4, 1, {}});
    player.open_group(plan_group(7, 4));

    std::vector<GameGroup> groups;
    const Stopwatch stopwatch;
    while (groups.empty() && stopwatch.seconds() < 10)
        groups = player.advance(std::chrono::milliseconds(5));
    ASSERT_EQ(groups.size(), 1u);
    for (const Game& game : groups[0].games) {
        std::string answers;
        for (std::size_t i = 0; i < game.tokens.size(); ++i)
            if (game.loss_mask[i] == 1) answers += chat.answer_text({&game.tokens[i], 1});
        EXPECT_EQ(answers.size(), 5 * game.turn_rewards.size());
        EXPECT_LE(game.tokens.size(), static_cast<std::size_t>(chat.game_tokens_max()));
        const std::string text = tokenizer().decode(game.tokens);
        EXPECT_TRUE(text.ends_with("</think>\n\n" + answers.substr(answers.size() - 5))) << text;
    }
}

TEST(ChatText, TheConfigChoosesTheText) {
    Config config;
    EXPECT_EQ(game_text_of(config)->vocabulary(), 105);  // letters
    config.model.tokenizer = tokenizer_path().string();
    EXPECT_EQ(game_text_of(config)->vocabulary(), tokenizer().vocabulary());
    const Tokens plain = game_text_of(config)->opening({});
    config.worker.thinking = true;
    EXPECT_LT(game_text_of(config)->opening({}).size(), plain.size());
}

}  // namespace
}  // namespace dws
