// What accompanies the words of a version, so that a checkpoint comes back byte for byte: the
// header of each safetensors file, and where the other files lie (FORMAT.md, "Accompanying files").
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/checkpoint/checkpoint.h"
#include "sync/record.h"

namespace dws {

// Headers are 100 bytes an array; ten million of them.
inline constexpr std::uint64_t kMaxManifestBytes = 1ull << 30;

struct CheckpointManifest {
    std::vector<CheckpointShard> shards;       // by path
    std::map<std::string, std::string> files;  // path -> key of its object, in the run
};

// Its object: the same checkpoint, the same bytes.
Bytes encode_manifest(const CheckpointManifest& manifest);
// Fault::corrupt for anything that is not exactly such a file within the limits: unsafe or repeated
// paths, headers that are none, keys that are not of an accompanying file.
Result<CheckpointManifest> decode_manifest(std::span<const std::byte> object);

// Keys within the run, by the SHA-256 of the bytes. One file's object serves all versions with it.
std::string manifest_key(std::int64_t version, const std::string& sha256);
std::string accompanying_key(const std::string& sha256);

// The record's manifest; null: the version came without files.
const ObjectRef* manifest_of(const Record& record);

}  // namespace dws
