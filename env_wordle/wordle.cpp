#include "env_wordle/wordle.h"

#include <algorithm>
#include <cstdint>

#include "base/require.h"

namespace dws {

const char* name_of(Rules rules) { return rules == Rules::open ? "open" : "textarena"; }

std::optional<Rules> rules_named(std::string_view name) {
    for (const Rules rules : {Rules::open, Rules::textarena})
        if (name == name_of(rules)) return rules;
    return std::nullopt;
}

Marks judge(std::string_view guess, std::string_view secret) {
    require(guess.size() == kWordLetters && secret.size() == kWordLetters, "words of five letters");
    Marks marks;
    std::array<std::uint8_t, 256> unexplained{};  // letters of the secret that are not green
    for (std::size_t place = 0; place < kWordLetters; ++place) {
        const bool is_green = guess[place] == secret[place];
        marks[place] = is_green ? 'G' : 'X';
        if (!is_green) ++unexplained[static_cast<unsigned char>(secret[place])];
    }
    for (std::size_t place = 0; place < kWordLetters; ++place) {
        std::uint8_t& left = unexplained[static_cast<unsigned char>(guess[place])];
        if (marks[place] == 'G' || left == 0) continue;
        marks[place] = 'Y';
        --left;
    }
    return marks;
}

int greens_in(const Marks& marks) {
    return static_cast<int>(std::count(marks.begin(), marks.end(), 'G'));
}

int yellows_in(const Marks& marks) {
    return static_cast<int>(std::count(marks.begin(), marks.end(), 'Y'));
}

std::string text_of(const Marks& marks) { return {marks.begin(), marks.end()}; }

double partial_credit(const Marks& marks) {
    return (greens_in(marks) + 0.5 * yellows_in(marks)) / static_cast<double>(kWordLetters);
}

bool is_word(std::string_view text) {
    return text.size() == kWordLetters &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

}  // namespace dws
