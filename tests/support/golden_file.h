// A file of tests/golden in the safetensors format: its arrays and its metadata.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/safetensors.h"
#include "model/forward.h"
#include "tests/support/files.h"
#include "tests/support/scratch_folder.h"

namespace dws {

class GoldenFile {
public:
    explicit GoldenFile(const std::string& name)
        : bytes_(read_file(std::filesystem::path(SOURCE_ROOT) / "tests" / "golden" / name)) {
        Result<SafetensorsView> parsed = SafetensorsView::parse(bytes_);
        if (!parsed) throw std::runtime_error(name + ": " + parsed.error().detail);
        view_ = std::move(*parsed);
    }

    GoldenFile(const GoldenFile&) = delete;
    GoldenFile& operator=(const GoldenFile&) = delete;

    const std::string& text(const std::string& key) const { return view_.metadata().at(key); }
    bool has(const std::string& name) const { return view_.find(name) != nullptr; }

    template <class Number>
    std::vector<Number> array(const std::string& name) const {
        const TensorView* found = view_.find(name);
        if (found == nullptr) throw std::runtime_error("the golden file lacks " + name);
        if (width_bytes(found->spec.dtype) != sizeof(Number))
            throw std::runtime_error(name + " is an array of other numbers");
        std::vector<Number> numbers(found->spec.elements());
        std::memcpy(numbers.data(), found->data.data(), found->data.size());
        return numbers;
    }

private:
    Bytes bytes_;
    SafetensorsView view_;  // of bytes_
};

// The model of tests/golden/mid_model.py, which the file's metadata describes.
struct MidModel {
    ModelConfig config;
    std::vector<Bf16> words;

    explicit MidModel(const GoldenFile& file) {
        const ScratchFolder folder;
        write_file(folder / "config.json", bytes_of(file.text("config")));
        config = load_model_config(folder / "config.json");
        words = round_to_bf16(initial_weights(config, std::stoull(file.text("seed"))));
    }
};

// max|a - b| / max|b|; infinite when a number is not finite or the lengths differ.
inline double largest_error(std::span<const float> a, std::span<const float> b) {
    if (a.size() != b.size()) return HUGE_VAL;
    double difference = 0, largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!std::isfinite(a[i])) return HUGE_VAL;
        difference = std::max(difference, std::fabs(static_cast<double>(a[i] - b[i])));
        largest = std::max(largest, std::fabs(static_cast<double>(b[i])));
    }
    return difference / largest;
}

// |a - b| / |b|, of the vectors as wholes; a and b of one length.
inline double vector_error(std::span<const float> a, std::span<const float> b) {
    double difference = 0, whole = 0;
    for (std::size_t i = 0; i < b.size(); ++i) {
        difference += std::pow(static_cast<double>(a[i] - b[i]), 2);
        whole += std::pow(static_cast<double>(b[i]), 2);
    }
    return std::sqrt(difference / whole);
}

}  // namespace dws
