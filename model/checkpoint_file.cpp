// load_weights() and save_weights(): a model's weights as a safetensors file.
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

#include "base/require.h"
#include "base/safetensors.h"
#include "model/weights.h"

namespace dws {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
    throw std::runtime_error(fmt::format("{}: {}", file.string(), what));
}

Bytes read_file(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary | std::ios::ate);
    if (!stream) refuse(file, "cannot be read");
    Bytes bytes(static_cast<std::size_t>(std::streamoff{stream.tellg()}));
    stream.seekg(0);
    stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!stream) refuse(file, "cannot be read to its end");
    return bytes;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
    std::string text;
    for (const std::int64_t size : shape) {
        text += (text.empty() ? "" : ", ") + std::to_string(size);
    }
    return text;
}

// IEEE half precision: 1 sign, 5 exponent (bias 15), 10 fraction bits. Exact.
float from_f16(std::uint16_t bits) {
    const int exponent = bits >> 10 & 31;
    const float fraction = static_cast<float>(bits & 1023);
    float size =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024.0f + fraction, exponent - 25);
    if (exponent == 31) size = fraction == 0.0f ? HUGE_VALF : std::nanf("");
    return bits >> 15 ? -size : size;
}

// Word is the file's type of an element, to_float what it means. to: (elements,).
template <class Word, class ToFloat>
void convert(std::span<const std::byte> data, std::span<float> to, ToFloat to_float) {
    for (std::size_t i = 0; i < to.size(); ++i) {
        Word word;
        std::memcpy(&word, data.data() + i * sizeof word, sizeof word);
        to[i] = to_float(word);
    }
}

void read_array(const TensorView& view, std::span<float> to, const std::filesystem::path& file) {
    if (view.spec.dtype == DType::kBF16) {
        convert<Bf16>(view.data, to, from_bf16);
    } else if (view.spec.dtype == DType::kF16) {
        convert<std::uint16_t>(view.data, to, from_f16);
    } else if (view.spec.dtype == DType::kF32) {
        convert<float>(view.data, to, [](float value) { return value; });
    } else {
        refuse(file, fmt::format("{} is {}, not BF16, F16 or F32", view.spec.name,
                                 name_of(view.spec.dtype)));
    }
}

}  // namespace

std::vector<float> load_weights(const ModelConfig& config, const std::filesystem::path& file) {
    const Bytes bytes = read_file(file);
    const Result<SafetensorsView> parsed = SafetensorsView::parse(bytes);
    if (!parsed) refuse(file, parsed.error().detail);
    const TensorLayout layout = weight_layout(config);
    std::vector<float> values(layout.size_bytes() / sizeof(Bf16), 0.0f);
    for (std::size_t index = 0; index < layout.specs().size(); ++index) {
        const TensorSpec& spec = layout.specs()[index];
        const TensorView* view = parsed->find(spec.name);
        if (view == nullptr) refuse(file, spec.name + " is missing");
        if (view->spec.shape != spec.shape) {
            refuse(file, fmt::format("{} has shape ({}), not ({})", spec.name,
                                     shape_text(view->spec.shape), shape_text(spec.shape)));
        }
        const std::size_t first = layout.offset_bytes(index) / sizeof(Bf16);
        read_array(*view, std::span(values).subspan(first, spec.elements()), file);
    }
    return values;
}

// Written beside and renamed: a reader finds the old file or the new one, never half of it.
void save_weights(const ModelConfig& config, std::span<const Bf16> words,
                  const std::filesystem::path& file) {
    const TensorLayout layout = weight_layout(config);
    require(words.size() * sizeof(Bf16) == layout.size_bytes(),
            "words are the flat array of this model");
    const std::span<const std::byte> flat = std::as_bytes(words);
    std::vector<TensorView> views;
    for (std::size_t index = 0; index < layout.specs().size(); ++index) {
        const TensorSpec& spec = layout.specs()[index];
        views.push_back({spec, flat.subspan(layout.offset_bytes(index),
                                            spec.elements() * width_bytes(spec.dtype))});
    }
    const Bytes bytes = write_safetensors(views, {{"format", "pt"}});
    const std::filesystem::path beside = file.string() + ".part";
    std::ofstream stream(beside, std::ios::binary);
    stream.write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
    stream.close();
    if (!stream) refuse(beside, "cannot be written");
    std::filesystem::rename(beside, file);
}

}  // namespace dws
