// The trainer's loop: games in, versions out. Knows only Trainer, so any trainer that can say what
// its step changed gets the rest from here.
//
// Every group that comes in is decided once: trained, skipped, stale or refused. What was decided
// goes into the record of the version that holds the training, so a run that dies decides those
// groups again and no group counts twice.
#pragma once

#include <cstdint>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/event_log.h"
#include "base/result.h"
#include "configs/config.h"
#include "sync/publisher.h"
#include "trainer_bridge/checkpoint_keeper.h"
#include "trainer_bridge/game_source.h"
#include "trainer_bridge/games_ledger.h"
#include "trainer_bridge/live_line.h"
#include "trainer_bridge/reward_statistics.h"
#include "trainer_bridge/trainer.h"

namespace dws {

class Bridge {
public:
    // Nothing is owned, everything outlives this. total_words: of a version. abandoned: games that
    // were sampled from these are stale.
    Bridge(Trainer& trainer, GameSource& games, Publisher& publisher, CheckpointKeeper& keeper,
           EventLog& log, const TrainerSection& options, std::uint64_t total_words,
           AbandonedVersions abandoned = {})
        : trainer_(trainer),
          games_(games),
          publisher_(publisher),
          keeper_(keeper),
          log_(log),
          options_(options),
          total_words_(total_words),
          abandoned_(std::move(abandoned)) {}

    // A new run's beginning: imitates demonstrations, then commits anchor 0. False when stopped
    // before that: there is no version. The error is the publisher's.
    Result<bool> warm_start(std::stop_token stop);
    // Learns until the step number is options.steps, or stopped. The error is the publisher's.
    Result<Done> reinforce(std::stop_token stop);

private:
    // The groups of one step, and what was seen on the way to them.
    struct Collected {
        std::vector<GameGroup> groups;
        std::vector<std::int64_t> staleness;  // (groups,) in optimizer steps
        RewardStatistics rewards;
    };

    // Empty when stopped.
    std::vector<GameGroup> collect_demonstrations(std::stop_token stop);
    // Fewer groups than a step wants when stopped, when no more come (GameSource::is_dry()), or
    // when the publisher has failed.
    Collected collect_games(std::stop_token stop);
    // Notes and returns what becomes of the group; a refused one is said.
    Verdict judge_demonstration(const ReceivedGroup& received);
    Verdict judge_game(const ReceivedGroup& received, Collected& collected);
    Verdict refuse(const ReceivedGroup& received, const Error& error);

    // False when the publisher has stopped for good.
    bool learn_from(const Collected& collected);
    // steps: 0 or 1. What was decided since the last call goes along.
    bool hand_over(Changes changes, std::int64_t steps);
    bool hand_over(EncodedStep step);
    Error publisher_failure() const;

    Trainer& trainer_;
    GameSource& games_;
    Publisher& publisher_;
    CheckpointKeeper& keeper_;
    EventLog& log_;
    const TrainerSection options_;
    const std::uint64_t total_words_;
    const AbandonedVersions abandoned_;
    GamesLedger ledger_;
};

}  // namespace dws
