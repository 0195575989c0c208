// One experiment's settings as they were written, before anybody knows what they mean: dotted key
// -> text and where it stands. Sections are flattened: "steps" below "trainer" is "trainer.steps".
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace dws {

struct Setting {
    enum class Kind { text, list, nothing };  // nothing: a key with an empty value or section
    Kind kind = Kind::text;
    std::string text;
    std::string origin;  // "FILE:LINE" or "--set", the start of every complaint about it
};

using Settings = std::map<std::string, Setting>;

// Reads a YAML file of nested sections. Throws std::runtime_error with one line when it cannot be
// read, is not YAML, holds several documents, or says a key twice.
Settings read_yaml(const std::filesystem::path& file);

}  // namespace dws
