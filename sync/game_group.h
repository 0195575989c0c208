// A group of finished games, as it travels: tokens, what sampled them, what they earned. The
// trainer learns from these fields alone; it has never heard of the game.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace dws {

inline constexpr std::size_t kMaxGroupBytes = 64u << 20;
inline constexpr std::int64_t kNoVersion = -1;

struct Game {
    std::vector<std::int32_t> tokens;     // (T,) prompt, answers and the environment's tokens
    std::vector<std::int32_t> turns;      // (T,) which turn the token belongs to; 0, 1, ...
    std::vector<std::uint8_t> loss_mask;  // (T,) 1: sampled, the loss counts it
    std::vector<float> logprobs;          // (T,) under the weights that sampled it; 0 where masked
    std::vector<std::int64_t> versions;   // (T,) of those weights; kNoVersion where masked
    std::vector<std::int64_t> steps;      // (T,) trainer step of those weights, likewise
    std::vector<float> turn_rewards;      // (turns played,)
    float reward = 0;                     // of the whole game, as reported; not the turns' sum
};

struct GameGroup {
    std::string worker;
    std::int64_t number = 0;                   // per worker, gap-free from 0
    bool is_demonstration = false;             // played by a script: imitated, not reinforced
    std::uint64_t seed = 0;                    // the environment's, shared by all games
    std::vector<std::int32_t> allowed_tokens;  // (A,) sampling was restricted to; empty: all
    float temperature = 1;
    std::vector<Game> games;
    std::map<std::string, std::vector<float>> outcomes;  // name -> (games,) e.g. "won", "turns"
};

// A safetensors file (FORMAT.md, "Game group").
Bytes encode_group(const GameGroup& group);
// Fault::corrupt: not such a file, lengths that disagree, versions of the future are NOT checked.
Result<GameGroup> decode_group(std::span<const std::byte> file);

// "<run>/games/<worker>/00000007.safetensors"
std::string game_key(const std::string& run, const std::string& worker, std::int64_t number);

}  // namespace dws
