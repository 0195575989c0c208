#include "env_wordle/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "base/require.h"
#include "env_wordle/wordle.h"

namespace dws {
namespace {

constexpr std::uintmax_t kFileBytes = 64 << 20;  // the longest list known to us has 5 MB

// SplitMix64's output function (Steele, Lea, Flood: "Fast splittable pseudorandom number
// generators", OOPSLA 2014), and its step.
constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15;
std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& why) {
    throw std::runtime_error(
        fmt::format("word list {}: {}: install the package wamerican-small or set env.words",
                    file.string(), why));
}

}  // namespace

WordList words_in(std::string_view text) {
    WordList words;
    while (!text.empty()) {
        const std::size_t length = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, length);
        text.remove_prefix(std::min(length + 1, text.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (is_word(line)) words.emplace_back(line);
    }
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    return words;
}

WordList read_words(const std::filesystem::path& file) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(file, error);
    if (error) refuse(file, error.message());
    if (size > kFileBytes) refuse(file, "larger than 64 MiB");
    std::ifstream stream(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    if (stream.bad() || text.size() != size) refuse(file, "cannot be read");
    WordList words = words_in(text);
    if (words.empty()) refuse(file, "no line of five lower-case letters");
    return words;
}

bool contains(const WordList& words, std::string_view word) {
    return std::binary_search(words.begin(), words.end(), word);
}

WordList draw_secrets(const WordList& words, std::size_t count, std::uint64_t seed) {
    if (count > words.size())
        throw std::runtime_error(
            fmt::format("env.secrets: {} asked for, the word list has {}", count, words.size()));
    if (count == 0) return words;
    WordList shuffled = words;
    std::uint64_t state = seed;
    for (std::size_t place = 0; place < count; ++place) {
        // Fisher and Yates, as far as needed. The remainder's bias is below words / 2^64.
        const std::uint64_t random = mix(state += kStep);
        std::swap(shuffled[place], shuffled[place + random % (shuffled.size() - place)]);
    }
    shuffled.resize(count);
    std::sort(shuffled.begin(), shuffled.end());
    return shuffled;
}

const std::string& secret_for(const WordList& secrets, std::uint64_t seed) {
    require(!secrets.empty(), "a game needs a secret");
    return secrets[mix(seed + kStep) % secrets.size()];
}

}  // namespace dws
