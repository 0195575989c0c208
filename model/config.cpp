#include "model/config.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace dws {
namespace {

using nlohmann::json;

// No size of a published model comes near; products of two still fit 64 bits many times over.
constexpr std::int64_t kLargestSize = 1 << 24;

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
    throw std::runtime_error(fmt::format("{}: {}", file.string(), what));
}

json read_object(const std::filesystem::path& file) {
    std::ifstream stream(file);
    if (!stream) refuse(file, "cannot be read");
    json object = json::parse(stream, nullptr, false);  // no exceptions: discarded when malformed
    if (object.is_discarded() || !object.is_object()) refuse(file, "is not a JSON object");
    return object;
}

int size_of(const json& object, const std::string& key, const std::filesystem::path& file) {
    const auto found = object.find(key);
    if (found == object.end()) refuse(file, key + " is missing");
    if (!found->is_number_integer() || *found < std::int64_t{1} || *found > kLargestSize) {
        refuse(file, fmt::format("{} is {}, not a whole number from 1 to {}", key, found->dump(),
                                 kLargestSize));
    }
    return found->get<int>();
}

float positive(const json& object, const std::string& key, const std::filesystem::path& file) {
    const auto found = object.find(key);
    if (found == object.end()) refuse(file, key + " is missing");
    const float value = found->is_number() ? found->get<float>() : 0.0f;
    if (!(value > 0) || !std::isfinite(value)) {
        refuse(file, fmt::format("{} is {}, not a positive number", key, found->dump()));
    }
    return value;
}

bool flag(const json& object, const std::string& key, const std::filesystem::path& file) {
    const auto found = object.find(key);
    if (found == object.end()) refuse(file, key + " is missing");
    if (!found->is_boolean())
        refuse(file, fmt::format("{} is {}, not a truth value", key, found->dump()));
    return found->get<bool>();
}

// A key that may be absent, null, or exactly what this model is.
void expect(const json& object, const std::string& key, const json& wanted,
            const std::filesystem::path& file) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null() || *found == wanted) return;
    refuse(file, fmt::format("{} is {}; this model has {}", key, found->dump(), wanted.dump()));
}

void expect_qwen3(const json& object, const std::filesystem::path& file) {
    expect(object, "model_type", "qwen3", file);
    expect(object, "hidden_act", "silu", file);
    expect(object, "attention_bias", false, file);
    expect(object, "use_sliding_window", false, file);
    const auto kinds = object.find("layer_types");
    if (kinds == object.end() || !kinds->is_array()) return;
    for (const json& kind : *kinds) {
        if (kind != "full_attention") refuse(file, "layer_types has " + kind.dump());
    }
}

// Transformers 5 moved rope_theta into rope_parameters; before, scaling was in rope_scaling under
// "type" or "rope_type".
float rope_theta_of(const json& object, const std::filesystem::path& file) {
    const json* source = &object;
    for (const char* group : {"rope_scaling", "rope_parameters"}) {
        const auto found = object.find(group);
        if (found == object.end() || found->is_null()) continue;
        if (!found->is_object()) refuse(file, std::string(group) + " is not an object");
        expect(*found, "rope_type", "default", file);
        expect(*found, "type", "default", file);
        if (found->contains("rope_theta")) source = &*found;
    }
    return positive(*source, "rope_theta", file);
}

}  // namespace

ModelConfig load_model_config(const std::filesystem::path& place) {
    const std::filesystem::path config_json =
        std::filesystem::is_directory(place) ? place / "config.json" : place;
    const json object = read_object(config_json);
    expect_qwen3(object, config_json);
    ModelConfig config;
    config.vocab_size = size_of(object, "vocab_size", config_json);
    config.hidden_size = size_of(object, "hidden_size", config_json);
    config.layers = size_of(object, "num_hidden_layers", config_json);
    config.query_heads = size_of(object, "num_attention_heads", config_json);
    config.key_heads = size_of(object, "num_key_value_heads", config_json);
    config.head_size = size_of(object, "head_dim", config_json);
    config.mlp_size = size_of(object, "intermediate_size", config_json);
    config.norm_epsilon = positive(object, "rms_norm_eps", config_json);
    config.rope_theta = rope_theta_of(object, config_json);
    config.has_tied_embeddings = flag(object, "tie_word_embeddings", config_json);
    if (config.head_size % 2 != 0) refuse(config_json, "head_dim is odd: rotation needs pairs");
    if (config.query_heads % config.key_heads != 0) {
        refuse(config_json, "num_attention_heads is not a multiple of num_key_value_heads");
    }
    const std::int64_t heads =
        std::int64_t{config.query_heads} + 2 * std::int64_t{config.key_heads};
    if (heads * config.head_size > kLargestSize) {
        refuse(config_json, "num_attention_heads and head_dim are no model's");
    }
    return config;
}

}  // namespace dws
