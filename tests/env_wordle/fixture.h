// What the tests of the game share: a list of twenty words.
#pragma once

#include "env_wordle/words.h"

namespace dws {

inline WordList fruit_words() {
    return words_in(
        "abide\nallee\napple\nbasil\nberry\nchili\nclove\ncrane\ncumin\neagle\n"
        "grape\nlemon\nmango\nmelon\nolive\nonion\npeach\nspeed\nthyme\ntrain\n");
}

}  // namespace dws
