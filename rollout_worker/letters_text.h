// Wordle in letters, for a model of a hundred tokens:
//
//   0               begin of game
//   1 .. 26         a .. z
//   27 + 26c + l    letter l (0 .. 25) in colour c: 0 absent 'X', 1 elsewhere 'Y', 2 placed 'G'
//
// A game is the begin token, then per turn five letters and the same five in colour. A colour
// carries its letter, since a model this small does not learn to look five tokens back for it.
#pragma once

#include "env_wordle/scripted_player.h"
#include "rollout_worker/game_text.h"

namespace dws {

class LettersText : public GameText {
public:
    static constexpr int kWordLetters = 5;
    static constexpr int kTurnsMax = 6;

    int vocabulary() const override { return 27 + 3 * 26; }
    int game_tokens_max() const override { return 1 + kTurnsMax * 2 * kWordLetters; }
    int answer_tokens() const override { return kWordLetters; }
    std::vector<std::int32_t> allowed_tokens() const override;  // a .. z
    std::vector<std::int32_t> opening(const EnvReply& reset) const override;
    std::string answer_text(std::span<const std::int32_t> answer) const override;
    Result<std::vector<std::int32_t>> reply_tokens(std::span<const std::int32_t> answer,
                                                   const EnvReply& reply) const override;

    // A word of a .. z as tokens.
    std::vector<std::int32_t> word_tokens(const std::string& word) const;
    // The whole turns that a game's tokens tell of, for a player that reads words.
    std::vector<PastGuess> history(std::span<const std::int32_t> tokens) const;
};

}  // namespace dws
