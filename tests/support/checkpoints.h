// Small checkpoints on disk, as Hugging Face tools save them.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/safetensors.h"
#include "sync/sha256.h"
#include "tests/support/files.h"
#include "tests/support/random_arrays.h"

namespace dws {

// One safetensors file with random arrays.
inline void write_shard(const std::filesystem::path& path, const std::vector<TensorSpec>& specs,
                        Random& random) {
    std::vector<Bytes> data;
    for (const TensorSpec& spec : specs) {
        Bytes bytes(spec.elements() * width_bytes(spec.dtype));
        for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
        data.push_back(std::move(bytes));
    }
    std::vector<TensorView> tensors;
    for (std::size_t index = 0; index < specs.size(); ++index)
        tensors.push_back({specs[index], data[index]});
    std::filesystem::create_directories(path.parent_path());
    write_file(path, write_safetensors(tensors, {{"format", "pt"}}));
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    write_file(path, bytes_of(text));
}

// Two files with words of every width, an index, and files that are no weights.
inline void write_checkpoint(const std::filesystem::path& folder, std::uint64_t seed) {
    Random random(seed);
    write_shard(folder / "model-00001-of-00002.safetensors",
                {{"z.weight", DType::kBF16, {300, 250}},
                 {"position", DType::kI64, {37}},
                 {"a.scale", DType::kF32, {11}}},
                random);
    write_shard(folder / "model-00002-of-00002.safetensors",
                {{"m.empty", DType::kBF16, {0, 4}},
                 {"m.scalar", DType::kF64, {}},
                 {"m.codes", DType::kU8, {1'001}}},
                random);
    write_text(folder / "model.safetensors.index.json",
               R"({"metadata":{},"weight_map":{"z.weight":"model-00001-of-00002.safetensors",)"
               R"("position":"model-00001-of-00002.safetensors",)"
               R"("a.scale":"model-00001-of-00002.safetensors",)"
               R"("m.empty":"model-00002-of-00002.safetensors",)"
               R"("m.scalar":"model-00002-of-00002.safetensors",)"
               R"("m.codes":"model-00002-of-00002.safetensors"}})");
    write_text(folder / "config.json", R"({"model_type":"tiny"})");
    write_text(folder / "format", "a name that metadata has too");
    write_text(folder / "original/deep/er/params.json", "{}");
    write_text(folder / "empty.txt", "");
}

// Changes some bytes of the safetensors file's data, at fixed distances.
inline void change_words(const std::filesystem::path& path, std::size_t distance_bytes) {
    Bytes bytes = read_file(path);
    const std::size_t start = *header_bytes_of(bytes);
    for (std::size_t at = start; at < bytes.size(); at += distance_bytes) bytes[at] ^= std::byte{1};
    write_file(path, bytes);
}

// Path -> SHA-256 of the content, of all files below.
inline std::map<std::string, std::string> files_below(const std::filesystem::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file()) continue;
        files[entry.path().lexically_relative(folder).generic_string()] =
            sha256_hex(read_file(entry.path()));
    }
    return files;
}

}  // namespace dws
