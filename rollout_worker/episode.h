// One game in progress: its tokens, what is known of each, and what every turn brought.
//
//   answer (engine) -> take_answer() -> text for the environment -> its reply -> take_reply() ->
//   ...
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "env_wordle/protocol.h"
#include "rollout_worker/engine.h"
#include "rollout_worker/game_text.h"
#include "rollout_worker/reward.h"
#include "sync/games/game_group.h"

namespace dws {

struct FinishedGame {
    Game game;
    bool has_won = false;
    int turns = 0;
    double valid_share = 0;
};

class Episode {
public:
    // text: not owned, outlives this. reset: the environment's reply that opened the game.
    Episode(const GameText& text, const EnvReply& reset);

    const std::string& session() const { return session_; }
    bool is_done() const { return is_done_; }

    // What the engine is asked for next.
    GenerateRequest next_request(std::uint64_t sequence, std::uint64_t seed) const;
    // Appends the answer; what the environment is to be told.
    std::string take_answer(const Completion& completion);
    // The environment's reply to it. Its tokens are appended unless it ended the game: nothing
    // would follow them. Fault::corrupt when it makes no sense; the game is then lost.
    Result<Done> take_reply(const EnvReply& reply);

    // Once it is done.
    FinishedGame finish(const RewardWeights& weights) const;

private:
    void append_given(const std::vector<std::int32_t>& tokens);

    const GameText& text_;
    const std::string session_;
    const int turns_max_;
    Game game_;
    std::vector<std::int32_t> answer_;  // the last one
    std::vector<TurnOutcome> turns_;    // finished turns
    bool is_done_ = false;
};

}  // namespace dws
