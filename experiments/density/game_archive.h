// Game groups that a run's workers have sent, taken from its bucket: the same real rollouts for as
// many trainers as one likes.
#pragma once

#include <string>
#include <vector>

#include "sync/games/game_group.h"
#include "trainer_bridge/trainer.h"

namespace dws {

// Those the trainer can learn from, by worker and number; at most `most` of them. uri: of the
// bucket. Throws std::runtime_error when it cannot be read or a group is not sound.
std::vector<GameGroup> read_games(const std::string& uri, const std::string& run,
                                  const Trainer& trainer, std::size_t most);

}  // namespace dws
