// A person plays one game in a terminal.
#pragma once

#include <iosfwd>
#include <string>

#include "env_wordle/wordle.h"
#include "env_wordle/words.h"

namespace dws {

struct PlayOptions {
    Rules rules = Rules::open;
    bool is_colored = false;  // ANSI colours; otherwise the letters G, Y and X
};

// Reads guesses from `in` until the game ends or `in` does. True when it was won.
bool play(const PlayOptions& options, const std::string& secret, const WordList& words,
          std::istream& in, std::ostream& out);

}  // namespace dws
