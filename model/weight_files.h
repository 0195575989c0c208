// The safetensors files of a checkpoint as Hugging Face tools save it: one file, or a folder with
// model.safetensors, or one with model.safetensors.index.json and the files that it names. For
// load_weights(): headers are read at once, arrays in pieces when they are asked for, so that
// nothing of a model's size is held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/safetensors.h"

namespace dws {

// Everything throws std::runtime_error naming the file and what is wrong with it.
class WeightFiles {
public:
    // place: a file, or a folder. An index may name files beside it only.
    explicit WeightFiles(const std::filesystem::path& place);

    struct Array {
        TensorPlace place;           // in its file
        std::filesystem::path path;  // of its file
        std::size_t file;            // for read()
    };
    // Throws when no file holds the array.
    Array at(const std::string& name) const;
    bool has(const std::string& name) const { return arrays_.contains(name); }

    // The array's bytes in order, a whole number of elements at a time.
    using Take = std::function<void(std::span<const std::byte> piece)>;
    void read(const Array& array, const Take& take);

private:
    struct File {
        std::filesystem::path path;
        std::ifstream stream;
        std::map<std::string, Array> arrays;
    };

    std::size_t open(const std::filesystem::path& path);
    void take_index(const std::filesystem::path& index);

    const std::filesystem::path place_;
    std::vector<std::unique_ptr<File>> files_;
    std::map<std::string, Array> arrays_;
    std::vector<std::byte> piece_;
};

}  // namespace dws
