#include "model/config.h"

#include <gtest/gtest.h>

#include "tests/model/golden_model.h"

namespace dws {
namespace {

const std::string kGood = R"({"model_type": "qwen3", "vocab_size": 112, "hidden_size": 64,
    "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    "intermediate_size": 192, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
    "tie_word_embeddings": true})";

std::string replaced(const std::string& from, const std::string& to) {
    std::string text = kGood;
    const std::size_t at = text.find(from);
    if (at == std::string::npos) throw std::runtime_error("the good text lacks " + from);
    return text.replace(at, from.size(), to);
}

// The good text with one more key.
std::string with(const std::string& addition) {
    return replaced("\"model_type\"", addition + ", \"model_type\"");
}

ModelConfig load_text(const std::string& text) {
    const TemporaryFolder folder;
    return load_model_config(folder.write("config.json", text));
}

// The message must name the file and the key.
void expect_refused(const std::string& text, const std::string& key) {
    try {
        load_text(text);
        ADD_FAILURE() << "accepted: " << text;
    } catch (const std::runtime_error& error) {
        const std::string message = error.what();
        EXPECT_NE(message.find("config.json"), std::string::npos) << message;
        EXPECT_NE(message.find(key), std::string::npos) << message;
    }
}

TEST(Config, ReadsEverySize) {
    const ModelConfig config = load_text(kGood);
    EXPECT_EQ(config.vocab_size, 112);
    EXPECT_EQ(config.hidden_size, 64);
    EXPECT_EQ(config.layers, 3);
    EXPECT_EQ(config.query_heads, 4);
    EXPECT_EQ(config.key_heads, 2);
    EXPECT_EQ(config.head_size, 16);
    EXPECT_EQ(config.mlp_size, 192);
    EXPECT_EQ(config.norm_epsilon, 1e-5f);
    EXPECT_EQ(config.rope_theta, 1e4f);
    EXPECT_TRUE(config.has_tied_embeddings);
}

TEST(Config, TheTinyModelHasTheExperimentsSize) {
    const ModelConfig config = tiny_config();
    EXPECT_EQ(config.vocab_size, 112);
    std::size_t parameters = 0;
    const TensorLayout layout = weight_layout(config);
    for (const TensorSpec& spec : layout.specs()) parameters += spec.elements();
    EXPECT_EQ(parameters, 155168u);
}

TEST(Config, RopeThetaMayStandInRopeParameters) {
    const std::string without = replaced("\"rope_theta\": 10000.0,", "");
    const auto at = without.find("\"model_type\"");
    std::string text = without;
    text.insert(at, R"("rope_parameters": {"rope_type": "default", "rope_theta": 5e5}, )");
    EXPECT_EQ(load_text(text).rope_theta, 5e5f);
}

TEST(Config, NullAndDefaultSettingsArePlainQwen3) {
    EXPECT_EQ(load_text(with(R"("rope_scaling": null)")).layers, 3);
    EXPECT_EQ(load_text(with(R"("rope_scaling": {"type": "default"})")).layers, 3);
    EXPECT_EQ(load_text(with(R"("attention_bias": false, "use_sliding_window": false)")).layers, 3);
    EXPECT_EQ(load_text(with(R"("hidden_act": "silu", "sliding_window": null)")).layers, 3);
    EXPECT_EQ(load_text(with(R"("layer_types": ["full_attention"])")).layers, 3);
}

TEST(Config, AMissingKeyIsNamed) {
    for (const char* key : {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
                            "num_key_value_heads", "head_dim", "intermediate_size", "rms_norm_eps",
                            "rope_theta", "tie_word_embeddings"}) {
        expect_refused(replaced(key, "other"), key);
    }
}

TEST(Config, ASizeIsAPositiveWholeNumber) {
    for (const char* wrong : {"0", "-64", "64.5", "\"64\"", "null", "1e30", "99999999999",
                              "18446744073709551615", "true", "[]"}) {
        expect_refused(
            replaced("\"hidden_size\": 64", std::string("\"hidden_size\": ").append(wrong)),
            "hidden_size");
    }
}

TEST(Config, EpsilonAndThetaArePositive) {
    expect_refused(replaced("1e-5", "0"), "rms_norm_eps");
    expect_refused(replaced("1e-5", "\"x\""), "rms_norm_eps");
    expect_refused(replaced("10000.0", "-1"), "rope_theta");
    expect_refused(replaced("10000.0", "1e300"), "rope_theta");
}

TEST(Config, HeadsMustFitTogether) {
    expect_refused(replaced("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3"),
                   "num_key_value_heads");
    expect_refused(replaced("\"head_dim\": 16", "\"head_dim\": 15"), "head_dim");
}

TEST(Config, WhatThisModelIsNotIsRefused) {
    expect_refused(replaced("qwen3", "llama"), "model_type");
    expect_refused(with(R"("attention_bias": true)"), "attention_bias");
    expect_refused(with(R"("use_sliding_window": true)"), "use_sliding_window");
    expect_refused(with(R"("hidden_act": "gelu")"), "hidden_act");
    expect_refused(with(R"("layer_types": ["full_attention", "sliding_attention"])"),
                   "layer_types");
    expect_refused(with(R"("rope_scaling": {"type": "yarn", "factor": 4.0})"), "yarn");
    expect_refused(with(R"("rope_scaling": {"rope_type": "linear", "factor": 4.0})"), "linear");
    expect_refused(with(R"("rope_parameters": {"rope_type": "yarn"})"), "yarn");
    expect_refused(with(R"("rope_parameters": 3)"), "rope_parameters");
    expect_refused(replaced("true}", "\"yes\"}"), "tie_word_embeddings");
}

TEST(Config, AFileThatIsNoJsonObjectIsNamed) {
    expect_refused("", "config.json");
    expect_refused("[1]", "config.json");
    expect_refused(kGood.substr(0, kGood.size() - 1), "config.json");
    EXPECT_THROW(load_model_config("/nonexistent/config.json"), std::runtime_error);
}

}  // namespace
}  // namespace dws
