// The rules of the game that need no state: what feedback a guess gets, and what it is worth.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dws {

inline constexpr std::size_t kWordLetters = 5;
inline constexpr int kTurnsMax = 6;

// Two ways to run the same game; PROTOCOL.md compares them.
enum class Rules {
    open,       // whatever the player says uses a turn; five letters always get feedback
    textarena,  // only words of the list are moves; a second refused move in a row ends the game
};
const char* name_of(Rules rules);
std::optional<Rules> rules_named(std::string_view name);

// One mark per letter of the guess:
// 'G' right letter, right place; 'Y' in the word, elsewhere; 'X' not in it, or not once more.
using Marks = std::array<char, kWordLetters>;

// guess and secret: five lower-case letters. Each letter of the secret explains one letter of the
// guess: greens first, then yellows from the left.
Marks judge(std::string_view guess, std::string_view secret);

int greens_in(const Marks& marks);
int yellows_in(const Marks& marks);
std::string text_of(const Marks& marks);

// What a lost game pays under the textarena rules: (greens + yellows / 2) / 5 of its last guess.
double partial_credit(const Marks& marks);

// Five letters a-z, lower case.
bool is_word(std::string_view text);

}  // namespace dws
