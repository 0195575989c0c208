#include "model/weights.h"

#include <fmt/format.h>

#include <string>

#include "base/require.h"
#include "model/weight_names.h"

namespace dws {
TensorLayout weight_layout(const ModelConfig& config) {
    const std::int64_t hidden = config.hidden_size, mlp = config.mlp_size, head = config.head_size;
    const std::int64_t queries = config.query_heads * head, keys = config.key_heads * head;
    const std::int64_t vocabulary = config.vocab_size;
    std::vector<TensorSpec> specs;
    const auto add = [&specs](std::string name, std::vector<std::int64_t> shape) {
        specs.push_back({std::move(name), DType::kBF16, std::move(shape)});
    };
    add(kEmbeddingName, {vocabulary, hidden});
    for (int layer = 0; layer < config.layers; ++layer) {
        const std::string prefix = fmt::format("model.layers.{}.", layer);
        add(prefix + kInputNormName, {hidden});
        add(prefix + kQueryName, {queries, hidden});
        add(prefix + kKeyName, {keys, hidden});
        add(prefix + kValueName, {keys, hidden});
        add(prefix + kOutputName, {hidden, queries});
        add(prefix + kQueryNormName, {head});
        add(prefix + kKeyNormName, {head});
        add(prefix + kMlpNormName, {hidden});
        add(prefix + kGateName, {mlp, hidden});
        add(prefix + kUpName, {mlp, hidden});
        add(prefix + kDownName, {hidden, mlp});
    }
    add(kFinalNormName, {hidden});
    if (!config.has_tied_embeddings) add(kHeadName, {vocabulary, hidden});
    return TensorLayout(std::move(specs));
}

// Takes the arrays in weight_layout()'s order.
WeightOffsets::WeightOffsets(const ModelConfig& config) {
    const TensorLayout layout = weight_layout(config);
    std::size_t index = 0;
    const auto next = [&layout, &index] { return layout.offset_bytes(index++) / sizeof(Bf16); };
    embedding = next();
    for (int layer = 0; layer < config.layers; ++layer) {
        LayerOffsets at{};
        for (std::size_t* place :
             {&at.input_norm, &at.query, &at.key, &at.value, &at.output, &at.query_norm,
              &at.key_norm, &at.mlp_norm, &at.gate, &at.up, &at.down}) {
            *place = next();
        }
        layers.push_back(at);
    }
    final_norm = next();
    head = config.has_tied_embeddings ? embedding : next();
    require(index == layout.specs().size(), "every array of the layout has its place");
    elements = layout.size_bytes() / sizeof(Bf16);
}

std::vector<Bf16> round_to_bf16(std::span<const float> values) {
    std::vector<Bf16> words(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) words[i] = to_bf16(values[i]);
    return words;
}

}  // namespace dws
