// load_weights() and save_weights(): a model's weights in safetensors files.
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/require.h"
#include "base/safetensors.h"
#include "model/weight_files.h"
#include "model/weight_names.h"
#include "model/weights.h"

namespace dws {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
    throw std::runtime_error(fmt::format("{}: {}", file.string(), what));
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

void convert(DType dtype, std::span<const std::byte> data, std::span<float> to) {
    if (dtype == DType::kBF16) {
        convert<Bf16>(data, to, from_bf16);
    } else if (dtype == DType::kF16) {
        convert<std::uint16_t>(data, to, from_f16);
    } else {
        convert<float>(data, to, [](float value) { return value; });
    }
}

// Refuses an array of another shape or type than the model's.
WeightFiles::Array checked(const WeightFiles& files, const TensorSpec& spec) {
    const WeightFiles::Array array = files.at(spec.name);
    const TensorSpec& stored = array.place.spec;
    if (stored.shape != spec.shape) {
        refuse(array.path, fmt::format("{} has shape ({}), not ({})", spec.name,
                                       shape_text(stored.shape), shape_text(spec.shape)));
    }
    if (stored.dtype != DType::kBF16 && stored.dtype != DType::kF16 &&
        stored.dtype != DType::kF32) {
        refuse(array.path,
               fmt::format("{} is {}, not BF16, F16 or F32", spec.name, name_of(stored.dtype)));
    }
    return array;
}

void read_array(WeightFiles& files, const TensorSpec& spec, std::span<float> to) {
    const WeightFiles::Array array = checked(files, spec);
    const DType dtype = array.place.spec.dtype;
    std::size_t done = 0;
    files.read(array, [&](std::span<const std::byte> piece) {
        const std::size_t elements = piece.size() / width_bytes(dtype);
        convert(dtype, piece, to.subspan(done, elements));
        done += elements;
    });
}

// A tied model has one matrix for both ends. Files may store it twice; two matrices would be
// another model than the one that is trained.
void check_tied_head(WeightFiles& files, const TensorSpec& embedding,
                     std::span<const float> values) {
    if (!files.has(kHeadName)) return;
    const WeightFiles::Array array = checked(files, {kHeadName, embedding.dtype, embedding.shape});
    const DType dtype = array.place.spec.dtype;
    std::vector<float> part;
    std::size_t done = 0;
    files.read(array, [&](std::span<const std::byte> piece) {
        part.resize(piece.size() / width_bytes(dtype));
        convert(dtype, piece, part);
        if (std::memcmp(part.data(), values.data() + done, part.size() * sizeof(float)) != 0) {
            refuse(array.path,
                   fmt::format("{} differs from {}, but the config says that they are tied "
                               "(tie_word_embeddings)",
                               kHeadName, kEmbeddingName));
        }
        done += part.size();
    });
}

// Header and arrays, one after the other.
void write_arrays(const TensorLayout& layout, std::span<const std::byte> flat,
                  std::ofstream& stream) {
    const auto write = [&stream](std::span<const std::byte> bytes) {
        stream.write(reinterpret_cast<const char*>(bytes.data()),
                     static_cast<std::streamsize>(bytes.size()));
    };
    write(write_safetensors_header(layout.specs(), {{"format", "pt"}}));
    for (std::size_t index = 0; index < layout.specs().size(); ++index) {
        const TensorSpec& spec = layout.specs()[index];
        write(flat.subspan(layout.offset_bytes(index), spec.elements() * width_bytes(spec.dtype)));
    }
}

}  // namespace

std::vector<float> load_weights(const ModelConfig& config, const std::filesystem::path& place) {
    WeightFiles files(place);
    const TensorLayout layout = weight_layout(config);
    // Before memory is taken: the config may be another, far larger model's.
    for (const TensorSpec& spec : layout.specs()) checked(files, spec);
    std::vector<float> values(layout.size_bytes() / sizeof(Bf16), 0.0f);
    for (std::size_t index = 0; index < layout.specs().size(); ++index) {
        const TensorSpec& spec = layout.specs()[index];
        const std::size_t first = layout.offset_bytes(index) / sizeof(Bf16);
        const std::span<float> array = std::span(values).subspan(first, spec.elements());
        read_array(files, spec, array);
        if (config.has_tied_embeddings && spec.name == kEmbeddingName) {
            check_tied_head(files, spec, array);
        }
    }
    return values;
}

// Written beside and renamed: a reader finds the old file or the new one, never half of it.
void save_weights(const ModelConfig& config, std::span<const Bf16> words,
                  const std::filesystem::path& file) {
    const TensorLayout layout = weight_layout(config);
    require(words.size() * sizeof(Bf16) == layout.size_bytes(),
            "words are the flat array of this model");
    const std::filesystem::path beside = file.string() + ".part";
    std::ofstream stream(beside, std::ios::binary);
    write_arrays(layout, std::as_bytes(words), stream);
    stream.close();
    if (!stream) refuse(beside, "cannot be written");
    std::filesystem::rename(beside, file);
}

}  // namespace dws
