// Random weights that stand for a released checkpoint's. The plain ones: weights_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/model/golden_model.h"

namespace dws {
namespace {

ModelConfig mid_config() {
    return {.vocab_size = 1'000,
            .hidden_size = 512,
            .layers = 4,
            .query_heads = 8,
            .key_heads = 4,
            .head_size = 64,
            .mlp_size = 1'536,
            .norm_epsilon = 1e-6f,
            .rope_theta = 1e6f,
            .has_tied_embeddings = true};
}

std::span<const float> array_of(const ModelConfig& config, const std::vector<float>& values,
                                const std::string& name) {
    const TensorLayout layout = weight_layout(config);
    const std::size_t index = *layout.index_of(name);
    return std::span(values).subspan(layout.offset_bytes(index) / sizeof(Bf16),
                                     layout.specs()[index].elements());
}

std::uint64_t hash_of(const std::vector<float>& values) {  // FNV-1a over words
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const float value : values) {
        hash = (hash ^ __builtin_bit_cast(std::uint32_t, value)) * 0x100000001b3u;
    }
    return hash;
}

double mean_power(std::span<const float> values, int power) {
    double total = 0;
    for (const float value : values) total += std::pow(static_cast<double>(value), power);
    return total / static_cast<double>(values.size());
}

TEST(TrainedWeights, ASeedGivesTheSameBitsOnEveryMachine) {
    const std::vector<float> values = initial_weights(tiny_config(), 1, Init::trained);
    EXPECT_EQ(hash_of(values), 5002592606848435493u);
    EXPECT_NE(hash_of(values), hash_of(initial_weights(tiny_config(), 2, Init::trained)));
}

TEST(InitialWeights, ThreadsGiveTheSameBits) {
    for (const Init init : {Init::plain, Init::trained}) {
        EXPECT_EQ(initial_weights(tiny_config(), 1, init, 3),
                  initial_weights(tiny_config(), 1, init, 1));
    }
}

TEST(TrainedWeights, AreBf16WordsWidened) {
    for (const float value : initial_weights(tiny_config(), 3, Init::trained)) {
        ASSERT_EQ(from_bf16(to_bf16(value)), value);
    }
}

TEST(TrainedWeights, AreAFewHundredthsWhateverTheWidth) {
    for (const ModelConfig& config : {tiny_config(), mid_config()}) {
        const std::vector<float> values = initial_weights(config, 4, Init::trained);
        const TensorLayout layout = weight_layout(config);
        for (const TensorSpec& spec : layout.specs()) {
            if (spec.shape.size() == 1) continue;
            const std::span<const float> array = array_of(config, values, spec.name);
            const double deviation = std::sqrt(mean_power(array, 2));
            EXPECT_GT(deviation, 0.018) << spec.name;
            EXPECT_LT(deviation, 0.07) << spec.name;
            EXPECT_NEAR(mean_power(array, 1), 0,
                        8 * deviation / std::sqrt(static_cast<double>(array.size())))
                << spec.name;
        }
    }
}

// A normal distribution has 3.
TEST(TrainedWeights, HaveHeavierTailsThanANormal) {
    const ModelConfig config = mid_config();
    const std::vector<float> values = initial_weights(config, 5, Init::trained);
    const std::span<const float> array =
        array_of(config, values, "model.layers.0.mlp.up_proj.weight");
    const double square = mean_power(array, 2);
    EXPECT_GT(mean_power(array, 4) / (square * square), 4.5);
}

TEST(TrainedWeights, NormsAreAroundOneButNotOne) {
    const ModelConfig config = mid_config();
    const std::vector<float> values = initial_weights(config, 6, Init::trained);
    const std::span<const float> norm = array_of(config, values, "model.norm.weight");
    EXPECT_GT(*std::ranges::min_element(norm), 0.2f);
    EXPECT_LT(*std::ranges::max_element(norm), 4.0f);
    EXPECT_NEAR(mean_power(norm, 1), 1.05, 0.1);  // of a log-normal: e^(0.3^2 / 2)
    EXPECT_GT(std::set<float>(norm.begin(), norm.end()).size(), norm.size() / 4);
}

// AdamW moves a weight by about lr * 0.25 a step (|m| / sqrt(v) of a noisy gradient); its word
// changes when that crosses the middle between two words, once in ulp / |step| steps.
TEST(TrainedWeights, AStepAt1e6ChangesAboutOnePercentOfTheWords) {
    const std::vector<float> values = initial_weights(mid_config(), 7, Init::trained);
    double changes = 0;
    for (const float value : values) {
        const float size = std::max(std::fabs(value), 1e-30f);
        const double ulp = std::ldexp(1.0, std::ilogb(size) - 7);
        changes += std::min(1.0, 0.25e-6 / ulp);
    }
    const double share = changes / static_cast<double>(values.size());
    EXPECT_GT(share, 0.005);
    EXPECT_LT(share, 0.015);
}

// Neither flat, when every guess would be as good as another, nor decided by one column.
TEST(TrainedWeights, GiveLogitsToSampleFrom) {
    for (const ModelConfig& config : {tiny_config(), mid_config()}) {
        const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 8, Init::trained));
        const TokenBatch batch = random_batch(config, 4, 60, 1, 9);
        const std::unique_ptr<Backend> backend = make_cpu_backend(1);
        const ActivationsPointer activations = make_activations();
        std::vector<float> logits(batch.rows.size() * static_cast<std::size_t>(config.vocab_size));
        forward(config, words, batch, *backend, *activations, logits);
        const double mean = mean_power(logits, 1);
        const double deviation = std::sqrt(mean_power(logits, 2) - mean * mean);
        EXPECT_GT(deviation, 0.15);
        EXPECT_LT(deviation, 3);
        for (const float logit : logits) ASSERT_LT(std::fabs(logit), 30);
    }
}

TEST(TrainedWeights, GapsAreZero) {
    const ModelConfig config = GoldenModel("group2_untied").config;
    const std::vector<float> values = initial_weights(config, 7, Init::trained);
    EXPECT_EQ(values[29 * 20], 0.0f);  // behind the (29, 20) embedding, which is no multiple of 32
}

TEST(InitialWeights, HaveNames) {
    EXPECT_EQ(init_named("plain"), Init::plain);
    EXPECT_EQ(init_named("trained"), Init::trained);
    EXPECT_THROW(init_named("zeros"), std::runtime_error);
}

}  // namespace
}  // namespace dws
