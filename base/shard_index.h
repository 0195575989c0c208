// model.safetensors.index.json: which of a sharded checkpoint's files holds which array
// (https://huggingface.co/docs/transformers, "Sharded checkpoints").
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace dws {

// A million arrays with names of 100 bytes.
inline constexpr std::uint64_t kMaxIndexBytes = 200'000'000;

// Array -> file, as its "weight_map" says; nothing else is read. Fault::corrupt: no such map.
Result<std::map<std::string, std::string>> read_shard_index(std::span<const std::byte> json);

// total_bytes: of all arrays.
std::string write_shard_index(const std::map<std::string, std::string>& weight_map,
                              std::uint64_t total_bytes);

}  // namespace dws
