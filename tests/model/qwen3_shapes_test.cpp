// The published dense Qwen3 models: their configs as they are, and how many parameters follow.
#include <gtest/gtest.h>

#include "tests/model/golden_model.h"

namespace dws {
namespace {

struct Published {
    const char* name;
    int hidden_size, layers, query_heads, mlp_size;
    bool is_tied;
    std::size_t parameters;  // lm_head counted when it is an array of its own
};

std::ostream& operator<<(std::ostream& out, const Published& model) { return out << model.name; }

constexpr Published kModels[] = {{"0_6B", 1024, 28, 16, 3072, true, 596'049'920},
                                 {"1_7B", 2048, 28, 16, 6144, true, 1'720'574'976},
                                 {"4B", 2560, 36, 32, 9728, true, 4'022'468'096},
                                 {"8B", 4096, 36, 32, 12288, false, 8'190'735'360}};

std::string shared_keys(const Published& model) {
    return R"(  "architectures": ["Qwen3ForCausalLM"],
  "attention_bias": false,
  "attention_dropout": 0.0,
  "bos_token_id": 151643,
  "eos_token_id": 151645,
  "head_dim": 128,
  "hidden_act": "silu",
  "hidden_size": )" +
           std::to_string(model.hidden_size) + R"(,
  "initializer_range": 0.02,
  "intermediate_size": )" +
           std::to_string(model.mlp_size) + R"(,
  "max_position_embeddings": 40960,
  "max_window_layers": )" +
           std::to_string(model.layers) + R"(,
  "model_type": "qwen3",
  "num_attention_heads": )" +
           std::to_string(model.query_heads) + R"(,
  "num_hidden_layers": )" +
           std::to_string(model.layers) + R"(,
  "num_key_value_heads": 8,
  "rms_norm_eps": 1e-06,
  "tie_word_embeddings": )" +
           std::string(model.is_tied ? "true" : "false") + R"(,
  "use_cache": true,
  "use_sliding_window": false,
  "vocab_size": 151936)";
}

// As it was published.
std::string first_form(const Published& model) {
    return "{\n" + shared_keys(model) + R"(,
  "rope_scaling": null,
  "rope_theta": 1000000,
  "sliding_window": null,
  "torch_dtype": "bfloat16",
  "transformers_version": "4.51.0"
}
)";
}

// As transformers 5 saves it.
std::string second_form(const Published& model) {
    std::string kinds;
    for (int layer = 0; layer < model.layers; ++layer) {
        kinds += std::string(layer == 0 ? "" : ", ") + "\"full_attention\"";
    }
    return "{\n" + shared_keys(model) + R"(,
  "dtype": "bfloat16",
  "layer_types": [)" +
           kinds + R"(],
  "pad_token_id": null,
  "rope_parameters": {"rope_theta": 1000000, "rope_type": "default"},
  "sliding_window": null,
  "transformers_version": "5.0.0"
}
)";
}

class Qwen3 : public testing::TestWithParam<Published> {};

TEST_P(Qwen3, BothFormsOfItsConfigAreTheModel) {
    const Published& model = GetParam();
    for (const std::string& text : {first_form(model), second_form(model)}) {
        const TemporaryFolder folder;
        folder.write("config.json", text);
        const ModelConfig config = load_model_config(folder.path());
        EXPECT_EQ(config.vocab_size, 151'936);
        EXPECT_EQ(config.hidden_size, model.hidden_size);
        EXPECT_EQ(config.layers, model.layers);
        EXPECT_EQ(config.query_heads, model.query_heads);
        EXPECT_EQ(config.key_heads, 8);
        EXPECT_EQ(config.head_size, 128);
        EXPECT_EQ(config.mlp_size, model.mlp_size);
        EXPECT_EQ(config.norm_epsilon, 1e-6f);
        EXPECT_EQ(config.rope_theta, 1e6f);
        EXPECT_EQ(config.has_tied_embeddings, model.is_tied);

        std::size_t parameters = 0;
        const TensorLayout layout = weight_layout(config);
        for (const TensorSpec& spec : layout.specs()) parameters += spec.elements();
        EXPECT_EQ(parameters, model.parameters);
        EXPECT_EQ(WeightOffsets(config).elements, parameters);  // no array leaves a gap
    }
}

INSTANTIATE_TEST_SUITE_P(Published, Qwen3, testing::ValuesIn(kModels),
                         [](const auto& variant) { return std::string(variant.param.name); });

}  // namespace
}  // namespace dws
