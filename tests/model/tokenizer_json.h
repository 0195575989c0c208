// The golden tokenizer.json, to be changed by a test and read back.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "model/tokenizer.h"
#include "tests/support/scratch_folder.h"

namespace dws {

inline std::filesystem::path golden_tokenizer() {
    return std::filesystem::path(SOURCE_ROOT) / "tests/golden/tokenizer/tokenizer.json";
}

inline nlohmann::json read_json_file(const std::filesystem::path& path) {
    return nlohmann::json::parse(std::ifstream(path));
}

class TokenizerJson {
public:
    nlohmann::json& operator[](const std::string& key) { return json_[key]; }
    nlohmann::json& at(const std::string& pointer) {
        return json_[nlohmann::json::json_pointer(pointer)];
    }
    nlohmann::json& vocabulary() { return json_["model"]["vocab"]; }
    nlohmann::json& merges() { return json_["model"]["merges"]; }

    Tokenizer load() const { return load_text(json_.dump()); }
    Tokenizer load_text(const std::string& text) const {
        std::ofstream(file(), std::ios::binary) << text;
        return Tokenizer::load(file());
    }
    // What load() throws, without the folder.
    std::string refusal() const { return refusal_of(json_.dump()); }
    std::string refusal_of(const std::string& text) const {
        try {
            load_text(text);
        } catch (const std::runtime_error& error) {
            const std::string message = error.what(), folder = folder_.path().string() + "/";
            return message.starts_with(folder) ? message.substr(folder.size()) : message;
        }
        return "";
    }
    std::filesystem::path file() const { return folder_ / "tokenizer.json"; }

private:
    const ScratchFolder folder_;
    nlohmann::json json_ = read_json_file(golden_tokenizer());
};

}  // namespace dws
