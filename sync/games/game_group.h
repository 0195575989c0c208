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

// What is accepted from outside (FORMAT.md, "Game group"). A token takes 29 bytes, so a file of the
// largest size holds 2.3 million: 64 games of 32,768 tokens. GRPO's groups have 4 to 64 games, and
// a vocabulary has less than 2^20 tokens.
inline constexpr std::size_t kMaxGroupBytes = 64u << 20;
inline constexpr std::size_t kMaxGroupTokens = 1u << 21;
inline constexpr std::size_t kMaxGroupGames = 4'096;
inline constexpr std::size_t kMaxGameTurns = 4'096;
inline constexpr std::size_t kMaxAllowedTokens = 1u << 20;
inline constexpr std::size_t kMaxOutcomes = 64;
inline constexpr std::size_t kMaxOutcomeName = 64;  // letters a-z, digits and '_'
inline constexpr std::size_t kMaxWorkerName = 128;  // one name of a key
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

// A safetensors file (FORMAT.md, "Game group"). The group is one that decode_group() accepts. One
// group has one form; more: entries added to its metadata.
Bytes encode_group(const GameGroup& group, const std::map<std::string, std::string>& more = {});
// Fault::corrupt: not such a file, lengths that disagree, a limit passed, numbers that are not
// finite, turns without a reward. Versions of the future are NOT checked: who holds the log can.
Result<GameGroup> decode_group(std::span<const std::byte> file);

// Why the group is not one that may travel; empty when it is.
std::string group_fault(const GameGroup& group);

// "<run>/games/<worker>/00000007.safetensors"
std::string game_key(const std::string& run, const std::string& worker, std::int64_t number);

}  // namespace dws
