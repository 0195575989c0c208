// The form of a checkpoint that never had one: a trainer's run holds arrays and no files. They are
// written as Hugging Face tools do: model.safetensors, or numbered files with an index.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sync/array_table.h"
#include "sync/checkpoint/checkpoint.h"

namespace dws {

// Hugging Face's own default since 2022: what older tools and disks take in one piece.
inline constexpr std::uint64_t kPlainShardBytes = 5'000'000'000;

struct PlainForm {
    std::vector<CheckpointShard> shards;
    std::string index;  // the text of kPlainIndex; empty: one file needs none
};
inline constexpr const char* kPlainIndex = "model.safetensors.index.json";

// Cut between arrays before one would pass shard_bytes.
PlainForm plain_form(const ArrayTable& table, std::uint64_t shard_bytes);

}  // namespace dws
