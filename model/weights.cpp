#include "model/weights.h"

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "base/require.h"
#include "model/weight_names.h"

namespace dws {
namespace {

// splitmix64 (Steele, Lea, Flood 2014): the counter-th number of a seed's stream.
std::uint64_t random_bits(std::uint64_t seed, std::uint64_t counter) {
    std::uint64_t z = seed + (counter + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// Near enough to N(0, 1), cut at 6: twelve uniform 16-bit numbers have a sum of variance
// 2^32 - 1. Whole numbers until the end: no logarithm, no rounding that differs by machine.
double random_normal(std::uint64_t seed, std::uint64_t element) {
    std::int64_t total = -6 * 65535;
    for (std::uint64_t draw = 0; draw < 3; ++draw) {
        const std::uint64_t bits = random_bits(seed, element * 3 + draw);
        for (int part = 0; part < 4; ++part) {
            total += static_cast<std::int64_t>(bits >> (16 * part) & 0xffff);
        }
    }
    return static_cast<double>(total) / 65536.0;
}

bool ends_with(const std::string& name, const char* end) {
    return std::string_view(name).ends_with(end);
}

void initialise(const ModelConfig& config, const TensorSpec& spec, std::uint64_t seed,
                std::size_t first, std::span<float> values) {
    if (spec.shape.size() == 1) {
        for (float& value : values) value = 1.0f;
        return;
    }
    double deviation = 1.0 / std::sqrt(static_cast<double>(spec.shape[1]));
    if (ends_with(spec.name, "o_proj.weight") || ends_with(spec.name, "down_proj.weight")) {
        deviation /= std::sqrt(2.0 * config.layers);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<float>(random_normal(seed, first + i) * deviation);
    }
}

}  // namespace

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

std::vector<float> initial_weights(const ModelConfig& config, std::uint64_t seed) {
    const TensorLayout layout = weight_layout(config);
    std::vector<float> values(layout.size_bytes() / sizeof(Bf16), 0.0f);
    for (std::size_t index = 0; index < layout.specs().size(); ++index) {
        const TensorSpec& spec = layout.specs()[index];
        const std::size_t first = layout.offset_bytes(index) / sizeof(Bf16);
        initialise(config, spec, seed, first, std::span(values).subspan(first, spec.elements()));
    }
    return values;
}

std::vector<Bf16> round_to_bf16(std::span<const float> values) {
    std::vector<Bf16> words(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) words[i] = to_bf16(values[i]);
    return words;
}

}  // namespace dws
