// A player without weights: it guesses any word that fits all it has been told. With a list of
// 200 words it wins nearly every game, which makes its games the ones to learn from first.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "env_wordle/words.h"

namespace dws {

struct PastGuess {
    std::string word;      // five letters
    std::string feedback;  // five of 'G', 'Y', 'X'; empty: it got none and tells nothing
};

// A word of the list, each consistent one equally likely; `random`: 64 random bits. Empty when no
// word fits, as the secret comes from another list. Cost: one judge() per word and fitting guess.
std::optional<std::string> consistent_guess(const WordList& words,
                                            std::span<const PastGuess> history,
                                            std::uint64_t random);

}  // namespace dws
