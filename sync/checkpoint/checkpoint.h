// A model on disk as Hugging Face tools save it: a folder of safetensors files with an index,
// configuration and tokenizer, or one safetensors file alone. Opening reads headers only; the words
// of all files are then read into one flat buffer, the table's.
//
// The table holds the arrays of all files sorted by name, so that two ways to cut one model into
// files are the same table. Elements of 8 bytes (I64, U64, F64) are two words each: such an array
// stands in the table as U32, with a last extent of 2 more. The files' own headers keep the truth.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/safetensors.h"
#include "sync/array_table.h"
#include "sync/digest.h"

namespace dws {

// Ten times what the largest public checkpoints have. Files that are no weights pass through memory
// whole.
inline constexpr std::size_t kMaxShards = 10'000;
inline constexpr std::size_t kMaxOtherFiles = 10'000;
inline constexpr std::uint64_t kMaxOtherFileBytes = 4ull << 30;
// 64 times a trillion parameters of 2 bytes: sums of sizes stay far from wrapping.
inline constexpr std::uint64_t kMaxCheckpointBytes = 1ull << 47;

// One safetensors file, without its data.
struct CheckpointShard {
    std::string path;  // within the checkpoint's folder, '/'-separated
    Bytes header;      // its first bytes, up to the data
    SafetensorsHeader parsed;
};

// Any other file: configuration, tokenizer, index, ...
struct CheckpointFile {
    std::string path;
    std::uint64_t size_bytes;
};

struct Checkpoint {
    std::filesystem::path folder;         // that the paths start from
    bool is_folder;                       // otherwise it is its one shard
    std::vector<CheckpointShard> shards;  // by path
    std::vector<CheckpointFile> others;   // by path
    ArrayTable table;
};

// Hears of every few MB that are done; false ends the work with Fault::transport, "stopped".
using PieceDone = std::function<bool(std::uint64_t bytes)>;

// The weights of a folder are the files its *.safetensors.index.json names, or, without one, the
// *.safetensors files beside each other in it. All else in it and below is carried along, but for
// the folders .git and .cache, which belong to tools. Links are followed to files inside the folder
// and in ../../blobs, where the Hugging Face cache keeps them.
// Fault::corrupt names the file and what is wrong with it; Fault::missing: nothing is there.
Result<Checkpoint> open_checkpoint(const std::filesystem::path& path);

// All words. Fault::corrupt: a file is no longer what it was when opened.
Result<Bytes> read_words(const Checkpoint& checkpoint, const PieceDone& piece_done);

// A file that is no weights, whole.
Result<Bytes> read_other(const Checkpoint& checkpoint, const CheckpointFile& file);

// The table of these files. Fault::corrupt: an array is in two files, or is of 8 bytes and 8
// dimensions.
Result<ArrayTable> table_of(std::span<const CheckpointShard> shards);

// The first array in which two tables differ, for people: "array a is BF16 [2,3] in BASE and ...".
// Empty when they are the same.
std::optional<std::string> first_difference(const ArrayTable& left, const std::string& left_name,
                                            const ArrayTable& right, const std::string& right_name);

// Of all words, by several threads. Fault::transport when stopped.
Result<Digest> digest_words(const ArrayTable& table, std::span<const std::byte> words,
                            std::size_t threads, const PieceDone& piece_done);

}  // namespace dws
