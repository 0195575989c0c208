// A golden fixture (tests/golden/make_qwen3.py) as the model reads it, and the numbers to meet.
#pragma once

#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/safetensors.h"
#include "model/forward.h"

namespace dws {

// A folder of this process's own, removed at the end.
class TemporaryFolder {
public:
    TemporaryFolder() {
        std::random_device entropy;
        path_ = std::filesystem::temp_directory_path() /
                ("dws_model_" + std::to_string(getpid()) + "_" + std::to_string(entropy()));
        std::filesystem::create_directories(path_);
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    std::filesystem::path write(const std::string& name, const std::string& text) const {
        std::ofstream(path_ / name) << text;
        return path_ / name;
    }
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

// max|a - b| / max|b|; infinite when a number is not finite or the lengths differ.
inline double relative_error(std::span<const float> a, std::span<const float> b) {
    if (a.size() != b.size()) return HUGE_VAL;
    double difference = 0, largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!std::isfinite(a[i])) return HUGE_VAL;
        difference = std::max(difference, std::fabs(static_cast<double>(a[i]) - b[i]));
        largest = std::max(largest, std::fabs(static_cast<double>(b[i])));
    }
    return difference / largest;
}

inline const std::vector<std::string>& golden_names() {
    static const std::vector<std::string> names{"group2_tied", "group2_untied", "group4_tied",
                                                "group4_untied"};
    return names;
}

struct GoldenModel {
    ModelConfig config;
    std::vector<Bf16> words;
    TokenBatch batch;  // logits wanted at every token
    std::vector<float> logits, d_logits;

    explicit GoldenModel(const std::string& name) {
        const std::filesystem::path file = std::filesystem::path(SOURCE_ROOT) / "tests" / "golden" /
                                           ("qwen3_" + name + ".safetensors");
        std::ifstream stream(file, std::ios::binary);
        const std::string text(std::istreambuf_iterator<char>(stream), {});
        bytes_.assign(bytes_of(text).begin(), bytes_of(text).end());
        const TemporaryFolder folder;
        config = load_model_config(folder.write("config.json", view().metadata().at("config")));
        words = round_to_bf16(load_weights(config, file));
        batch.tokens = array<std::int32_t>("golden.tokens");
        batch.starts = array<std::int32_t>("golden.starts");
        for (std::size_t row = 0; row < batch.tokens.size(); ++row) {
            batch.rows.push_back(static_cast<std::int32_t>(row));
        }
        logits = array<float>("golden.logits");
        d_logits = array<float>("golden.d_logits");
    }

    std::vector<float> gradient(const std::string& weight) const {
        return array<float>("golden.gradient." + weight);
    }

private:
    SafetensorsView view() const {
        Result<SafetensorsView> parsed = SafetensorsView::parse(bytes_);
        if (!parsed) throw std::runtime_error("golden file: " + parsed.error().detail);
        return *parsed;
    }
    template <class Number>
    std::vector<Number> array(const std::string& name) const {
        const SafetensorsView parsed = view();
        const TensorView* found = parsed.find(name);
        if (found == nullptr) throw std::runtime_error("golden file lacks " + name);
        std::vector<Number> numbers(found->data.size() / sizeof(Number));
        std::memcpy(numbers.data(), found->data.data(), found->data.size());
        return numbers;
    }

    Bytes bytes_;
};

// The tiny model of the Wordle experiment, with random weights.
inline ModelConfig tiny_config() {
    return load_model_config(std::filesystem::path(SOURCE_ROOT) / "experiments" / "01_wordle_tiny" /
                             "model" / "config.json");
}

// sequences of 1..longest random tokens; every `step`-th token's logits are wanted.
inline TokenBatch random_batch(const ModelConfig& config, int sequences, int longest, int step,
                               unsigned seed) {
    std::mt19937 random(seed);
    TokenBatch batch;
    batch.starts = {0};
    for (int sequence = 0; sequence < sequences; ++sequence) {
        const int length = 1 + static_cast<int>(random() % static_cast<unsigned>(longest));
        for (int i = 0; i < length; ++i) {
            batch.tokens.push_back(
                static_cast<std::int32_t>(random() % static_cast<unsigned>(config.vocab_size)));
        }
        batch.starts.push_back(static_cast<std::int32_t>(batch.tokens.size()));
    }
    for (std::size_t row = 0; row < batch.tokens.size(); row += static_cast<std::size_t>(step)) {
        batch.rows.push_back(static_cast<std::int32_t>(row));
    }
    return batch;
}

}  // namespace dws
