#include "trainer_bridge/native_trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>

#include "model/logprob.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer_bridge/small_groups.h"

namespace dws {
namespace {

const std::vector<std::int32_t> kAllowed = {1, 2, 3};

ModelConfig tiny_model() {
    return {.vocab_size = 8,
            .hidden_size = 16,
            .layers = 1,
            .query_heads = 2,
            .key_heads = 1,
            .head_size = 8,
            .mlp_size = 32,
            .norm_epsilon = 1e-6f,
            .rope_theta = 1e4f,
            .has_tied_embeddings = true};
}

TrainerSection options() {
    TrainerSection options;
    options.learning_rate = 1e-2;
    options.warm_start.steps = 40;
    options.warm_start.learning_rate = 1e-2;
    options.warm_start.warmup_steps = 5;
    return options;
}

NativeTrainer tiny_trainer(const TrainerSection& section = options()) {
    return NativeTrainer(tiny_model(), initial_weights(tiny_model(), 1), section);
}

// Log-probabilities of the allowed tokens after BOS, under the published words.
std::vector<float> first_logprobs(const NativeTrainer& trainer) {
    const auto bytes = trainer.published_words();
    const std::span<const Bf16> words(reinterpret_cast<const Bf16*>(bytes.data()),
                                      bytes.size() / sizeof(Bf16));
    const auto backend = make_cpu_backend(1);
    const ActivationsPointer activations = make_activations();
    const TokenBatch batch{.tokens = {0}, .starts = {0, 1}, .rows = {0}};
    std::vector<float> logits(8), logprobs(3);
    forward(tiny_model(), words, batch, *backend, *activations, logits);
    log_softmax(logits, 8, kAllowed, 1, logprobs);
    return logprobs;
}

// Eight games of one turn, sampled from the trainer's policy; token 2 earns 1.
GameGroup bandit_group(const NativeTrainer& trainer, std::mt19937& random) {
    const std::vector<float> logprobs = first_logprobs(trainer);
    GameGroup group;
    group.worker = "bandit";
    group.allowed_tokens = kAllowed;
    for (int index = 0; index < 8; ++index) {
        std::vector<double> weights;
        for (const float logprob : logprobs) weights.push_back(std::exp(logprob));
        const auto drawn = static_cast<std::size_t>(
            std::discrete_distribution<int>(weights.begin(), weights.end())(random));
        const bool is_right = kAllowed[drawn] == 2;
        Game game = small_game({is_right ? 1.0f : 0.0f}, trainer.step_number());
        game.tokens[1] = kAllowed[drawn];
        game.logprobs[1] = logprobs[drawn];
        group.games.push_back(game);
    }
    return group;
}

double number(const Facts& facts, const std::string& name) {
    const auto found = std::ranges::find(facts, name, &Fact::first);
    return found == facts.end() ? std::nan("") : std::get<double>(found->second);
}

struct Bandit : ::testing::TestWithParam<const char*> {};

TEST_P(Bandit, IsLearnedInAFewDozenSteps) {
    TrainerSection section = options();
    section.correction = GetParam();
    NativeTrainer trainer = tiny_trainer(section);
    trainer.begin_reinforcement();
    std::mt19937 random(2);
    for (int step = 0; step < 60 && first_logprobs(trainer)[1] < std::log(0.9f); ++step) {
        std::vector<GameGroup> groups;
        for (int index = 0; index < 4; ++index) groups.push_back(bandit_group(trainer, random));
        for (const GameGroup& group : groups) ASSERT_TRUE(trainer.check(group));
        const StepReport report = trainer.learn(groups, StepForm::changes);
        // The games are the policy's own, to the bit.
        EXPECT_NEAR(number(report.metrics, "ratio"), 1, 1e-4);
        EXPECT_NEAR(number(report.metrics, "kl"), 0, 1e-6);
    }
    EXPECT_GT(std::exp(first_logprobs(trainer)[1]), 0.9);
}
INSTANTIATE_TEST_SUITE_P(Corrections, Bandit, ::testing::Values("truncated", "clipped", "off"));

TEST(NativeTrainer, ImitatesWhatIsDemonstrated) {
    NativeTrainer trainer = tiny_trainer();
    const std::vector<GameGroup> groups(4, small_group({{1, 1, 1}, {1, 1}}));  // 1, 2, 3 in turn
    const double first = trainer.imitate(groups);
    double last = first;
    for (int step = 1; step < 40; ++step) last = trainer.imitate(groups);
    EXPECT_GT(first, 0.5);
    EXPECT_LT(last, 0.1);
}

TEST(NativeTrainer, BeginReinforcementPublishesTheRoundedMaster) {
    NativeTrainer trainer = tiny_trainer();
    const std::vector<GameGroup> groups(4, small_group({{1, 1}}));
    trainer.imitate(groups);
    const Bytes before(trainer.published_words().begin(), trainer.published_words().end());
    trainer.begin_reinforcement();
    EXPECT_TRUE(std::ranges::equal(before, trainer.published_words()));
    EXPECT_EQ(trainer.step_number(), 0);
}

TEST(NativeTrainer, ChangesTurnTheOldWordsIntoTheNew) {
    TrainerSection section = options();
    section.dead_band = 1e-3;
    section.learning_rate = 1e-3;
    NativeTrainer trainer = tiny_trainer(section);
    trainer.begin_reinforcement();
    const Result<ArrayTable> table = ArrayTable::make(trainer.layout());
    Bytes copy(trainer.published_words().begin(), trainer.published_words().end());
    std::mt19937 random(5);
    for (int step = 1; step <= 8; ++step) {
        const std::vector<GameGroup> groups = {bandit_group(trainer, random),
                                               bandit_group(trainer, random)};
        patch(*table, trainer.learn(groups, StepForm::changes).changes, copy);
        ASSERT_TRUE(std::ranges::equal(copy, trainer.published_words())) << "step " << step;
        EXPECT_EQ(trainer.step_number(), step);
    }
}

// The publisher decides by how busy it is: the weights must not depend on that.
TEST(NativeTrainer, LearnsTheSameInEitherForm) {
    for (const double dead_band : {0.0, 1e-3}) {
        TrainerSection section = options();
        section.dead_band = dead_band;
        NativeTrainer listing = tiny_trainer(section), encoding = tiny_trainer(section);
        listing.begin_reinforcement();
        encoding.begin_reinforcement();
        std::mt19937 random(8);
        for (int step = 1; step <= 6; ++step) {
            const std::vector<GameGroup> groups = {bandit_group(listing, random)};
            const StepReport listed = listing.learn(groups, StepForm::changes);
            const StepReport encoded = encoding.learn(groups, StepForm::encoded);
            EXPECT_FALSE(listed.encoded);
            ASSERT_TRUE(encoded.encoded);
            EXPECT_TRUE(encoded.changes.empty());
            EXPECT_EQ(count(*encoded.encoded), count(listed.changes));
            ASSERT_TRUE(std::ranges::equal(listing.published_words(), encoding.published_words()));
        }
    }
}

TEST(NativeTrainer, RecomputingLearnsTheSameBits) {
    TrainerSection keeping = options(), recomputing = options();
    recomputing.recompute = true;
    NativeTrainer keeper = tiny_trainer(keeping), again = tiny_trainer(recomputing);
    keeper.begin_reinforcement();
    again.begin_reinforcement();
    std::mt19937 random(9);
    for (int step = 1; step <= 5; ++step) {
        const std::vector<GameGroup> groups = {bandit_group(keeper, random)};
        keeper.learn(groups, StepForm::changes);
        again.learn(groups, StepForm::changes);
        ASSERT_TRUE(std::ranges::equal(keeper.published_words(), again.published_words()));
    }
}

// Two groups whose allowed tokens are named, and the same two where a third allows all: the head's
// products run over four columns or over eight, and the lesson is the same.
TEST(NativeTrainer, FewColumnsTeachWhatAllColumnsTeach) {
    NativeTrainer narrow = tiny_trainer(), wide = tiny_trainer();
    narrow.begin_reinforcement();
    wide.begin_reinforcement();
    std::mt19937 random(10);
    std::vector<GameGroup> groups = {bandit_group(narrow, random), bandit_group(narrow, random)};
    const StepReport of_narrow = narrow.learn(groups, StepForm::changes);
    groups.push_back(small_group({{0}, {0}}));  // advantages of 0: rows without a gradient
    groups.back().allowed_tokens.clear();
    const StepReport of_wide = wide.learn(groups, StepForm::changes);
    const double rows = 16.0 / 18.0;  // the two rows more share the mean
    EXPECT_NEAR(number(of_wide.metrics, "grad_norm") / rows, number(of_narrow.metrics, "grad_norm"),
                1e-5 * number(of_narrow.metrics, "grad_norm"));
    EXPECT_NEAR(number(of_wide.metrics, "loss") / rows, number(of_narrow.metrics, "loss"), 1e-6);
}

TEST(NativeTrainer, BeginReinforcementForgetsTheMoments) {
    NativeTrainer trainer = tiny_trainer();
    trainer.imitate(std::vector<GameGroup>(2, small_group({{1, 1}})));
    trainer.begin_reinforcement();
    for (const TrainingArray& array : trainer.training_state().arrays) {
        if (!array.spec.name.ends_with("moment")) continue;
        EXPECT_TRUE(std::ranges::all_of(array.bytes, [](std::byte byte) {
            return byte == std::byte{0};
        })) << array.spec.name;
    }
}

TEST(NativeTrainer, RestoreTakesTheWordsAndTheStep) {
    NativeTrainer trainer = tiny_trainer();
    trainer.begin_reinforcement();
    std::mt19937 random(6);
    for (int step = 0; step < 3; ++step) {
        trainer.learn(std::vector<GameGroup>{bandit_group(trainer, random)}, StepForm::changes);
    }
    NativeTrainer other(tiny_model(), initial_weights(tiny_model(), 99), options());
    other.restore(trainer.published_words(), 3);
    EXPECT_EQ(other.step_number(), 3);
    EXPECT_TRUE(std::ranges::equal(other.published_words(), trainer.published_words()));
    // The warm-up of the learning rate begins anew: 1 of 5 steps.
    const StepReport report =
        other.learn(std::vector<GameGroup>{bandit_group(other, random)}, StepForm::changes);
    EXPECT_NEAR(number(report.metrics, "learning_rate"), 1e-2 / 5, 1e-9);
    EXPECT_EQ(other.step_number(), 4);
}

TEST(NativeTrainer, BeginsFromACheckpointsFolder) {
    const ScratchFolder folder;
    std::ofstream(folder / "config.json") << R"({"model_type": "qwen3", "vocab_size": 8,
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 8, "intermediate_size": 32, "rms_norm_eps": 1e-6,
        "rope_theta": 10000, "tie_word_embeddings": true})";
    const std::vector<Bf16> words = round_to_bf16(initial_weights(tiny_model(), 12));
    save_weights(tiny_model(), words, folder / "model.safetensors");
    Config config;
    config.model.config = config.model.checkpoint = folder.path().string();
    const std::unique_ptr<NativeTrainer> trainer = make_native_trainer(config);
    EXPECT_TRUE(std::ranges::equal(trainer->published_words(), std::as_bytes(std::span(words))));
}

TEST(NativeTrainer, BeginsAsTheConfigSays) {
    Config config;
    config.model.config =
        std::string(SOURCE_ROOT) + "/experiments/01_wordle_tiny/model/config.json";
    config.run.seed = 5;
    const ModelConfig model = load_model_config(config.model.config);
    for (const char* init : {"plain", "trained"}) {
        config.model.init = init;
        const std::vector<Bf16> words = round_to_bf16(initial_weights(model, 5, init_named(init)));
        EXPECT_TRUE(std::ranges::equal(make_native_trainer(config)->published_words(),
                                       std::as_bytes(std::span(words))))
            << init;
    }
}

TEST(NativeTrainer, EqualGamesTeachNothing) {
    const NativeTrainer trainer = tiny_trainer();
    EXPECT_FALSE(trainer.can_learn_from(small_group({{1}, {1}})));
    EXPECT_TRUE(trainer.can_learn_from(small_group({{1}, {0}})));
}

TEST(NativeTrainer, TheVocabularyIsTheModels) {
    const NativeTrainer trainer = tiny_trainer();
    GameGroup group = small_group({{1}, {0}});
    EXPECT_TRUE(trainer.check(group));
    group.games[0].tokens[2] = 8;
    EXPECT_FALSE(trainer.check(group));
}

}  // namespace
}  // namespace dws
