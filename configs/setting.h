// One experiment's settings as they were written, before anybody knows what they mean: dotted key
// -> text and where it stands. Sections are flattened: "steps" below "trainer" is "trainer.steps".
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace dws {

struct Setting {
    enum class Kind { text, list, nothing };  // nothing: a key with an empty value or section
    Kind kind = Kind::text;
    std::string text;
    std::vector<std::string> items;  // of a list
    std::string origin;  // "FILE:LINE" or "--set", the start of every complaint about it
};

using Settings = std::map<std::string, Setting>;

// All throw std::runtime_error with one line that names the file. The file's text; at most 1 MiB.
std::string read_text(const std::filesystem::path& file);
// Refuses a text that holds a private key, without repeating it.
void refuse_private_key(const std::string& text, const std::string& origin);
// Nested sections in YAML, which stand in `file`. Refused: what is not YAML, several documents, a
// key twice, a private key anywhere.
Settings parse_yaml(const std::string& yaml, const std::string& file);

}  // namespace dws
