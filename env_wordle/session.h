// One game in progress: what was guessed, how it stands, and what the player is told. Pure: no
// clock, no socket. Its size is bounded by the six turns, however often it is stepped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "env_wordle/protocol.h"
#include "env_wordle/wordle.h"
#include "env_wordle/words.h"

namespace dws {

class Session {
public:
    // secret: five letters a-z.
    Session(Rules rules, std::string secret);

    // Answers to the three calls; id and session are left for the server to fill in. No answer
    // holds the secret, except for a guess of the player's own that it repeats.
    EnvReply opening() const;
    EnvReply step(std::string_view said, const WordList& words);
    EnvReply state() const;

    bool is_done() const { return is_done_; }
    bool is_won() const { return is_won_; }

private:
    struct Guess {
        std::string word;
        Marks marks;
    };

    EnvReply standing() const;
    EnvReply step_open(std::string_view said, const WordList& words);
    EnvReply step_textarena(std::string_view said, const WordList& words);
    EnvReply refuse(const std::string& echo, const std::string& reason);
    EnvReply play(const std::string& word);
    bool has_guessed(std::string_view word) const;

    Rules rules_;
    std::string secret_;
    std::vector<Guess> guesses_;  // those that got feedback
    int turn_ = 0;                // turns used
    bool was_refused_ = false;    // textarena: the move before this one was
    bool is_done_ = false;
    bool is_won_ = false;
};

// The first word in square brackets, else all of `said` without the white space around it, in
// lower case; empty when that is not five letters a-z.
std::string guess_in(std::string_view said);

// The feedback as a player reads it: "C R A N E\nX G G Y X".
std::string rows_of(std::string_view word, const Marks& marks);

}  // namespace dws
