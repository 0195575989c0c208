// Word lists: read from a file, checked, and secrets drawn from them the same way on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dws {

using WordList = std::vector<std::string>;  // sorted, unique, each five letters a-z

// The lines of `text` that are five lower-case letters; all others (names, plurals with an
// apostrophe, comments) are skipped. Lines may end in CR LF.
WordList words_in(std::string_view text);

// Throws std::runtime_error naming the file, and how to get one, when it is missing, too large or
// holds no word.
WordList read_words(const std::filesystem::path& file);

bool contains(const WordList& words, std::string_view word);

// `count` different words, sorted; 0: all of them. The same on every machine, because the standard
// library's shuffles and distributions are not. Throws std::runtime_error when there are fewer.
WordList draw_secrets(const WordList& words, std::size_t count, std::uint64_t seed);

// The secret of the game with this seed: always the same one. Neighbouring seeds are unrelated.
const std::string& secret_for(const WordList& secrets, std::uint64_t seed);

}  // namespace dws
