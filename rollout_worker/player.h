// Plays groups of games: an engine answers, an environment replies, finished games become groups.
// It knows neither weights nor bucket, so the same class demonstrates, rolls out and evaluates.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "rollout_worker/engine.h"
#include "rollout_worker/env_client.h"
#include "rollout_worker/episode.h"
#include "rollout_worker/group.h"

namespace dws {

struct PlayerOptions {
    std::size_t slots = 64;  // games in flight at once; the engine's
    float temperature = 1;   // the engine's, written into the groups
    RewardWeights rewards;
};

class Player {
public:
    // None is owned; all outlive this. The environment's client is this player's alone.
    Player(Engine& engine, EnvClient& env, const GameText& text, PlayerOptions options);
    ~Player();  // gives its sessions back
    Player(const Player&) = delete;
    Player& operator=(const Player&) = delete;

    // Room for a game that none of the open groups is waiting to begin.
    bool wants_group() const { return to_start_.empty() && may_start(); }
    void open_group(GroupPlan plan);
    std::size_t open_groups() const { return groups_.size(); }
    std::size_t games_in_flight() const { return playing_.size(); }

    // One token boundary: starts games, hears the environment, advances the engine. Waits for the
    // environment, at most `idle_wait`, only when the engine has nothing to do. Whole groups.
    std::vector<GameGroup> advance(std::chrono::milliseconds idle_wait);

    std::int64_t games_finished() const { return games_finished_; }
    std::int64_t tokens_generated() const { return tokens_generated_; }
    // Games that had to be begun again since the last call: reason -> how many.
    std::map<std::string, int> take_restarts();

private:
    struct Place {
        std::uint64_t group;  // key into groups_
        std::size_t index;    // within the group
    };
    struct Play {
        Place place;
        std::optional<Episode> episode;  // empty until the environment has opened it
    };
    using Plays = std::unordered_map<std::uint64_t, Play>;

    bool may_start() const { return to_open_.empty() && playing_.size() < options_.slots; }
    void start_games();
    void open_sequences();
    void hear(const EnvAnswer& answer);
    void ask_engine(std::uint64_t game, const Play& play);
    void finish(Plays::iterator play);
    void restart(Plays::iterator play, const std::string& reason);

    Engine& engine_;
    EnvClient& env_;
    const GameText& text_;
    const PlayerOptions options_;
    std::map<std::uint64_t, GroupAssembly> groups_;
    std::uint64_t next_group_ = 0;
    std::deque<Place> to_start_;
    double start_from_s_ = 0;            // no game begins earlier
    std::deque<std::uint64_t> to_open_;  // games whose sequence the engine had no room for
    Plays playing_;  // game -> how it stands; the game's number is the engine's sequence
    std::uint64_t next_game_ = 0;
    std::vector<GameGroup> whole_;  // handed out at the end of advance()
    std::map<std::string, int> restarts_;
    std::int64_t games_finished_ = 0;
    std::int64_t tokens_generated_ = 0;
};

}  // namespace dws
