// The whole training state in one file: what a trainer that was killed goes on from, bit for bit.
//
// A safetensors file that any tool opens: the trainer's arrays, then "sha256", 64 hex digits of
// everything before them in the file. Metadata: format "dws_checkpoint", format_version, and the
// label's fields. Written and read in pieces, straight from and into the trainer's memory: no
// second copy of the state is made.
//
// Size: 14 bytes a weight (fp32 master and two moments, bf16 words).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "sync/digest.h"
#include "trainer_bridge/trainer.h"

namespace dws {

// Setting -> value, of all that changes what a step computes: "trainer.beta1" -> "0.9".
using TrainingSettings = std::map<std::string, std::string>;

// What a checkpoint is of.
struct CheckpointLabel {
    std::string run;
    // The record that stands for this state, or one before it: its version has these words.
    std::uint64_t sequence = 0;
    std::int64_t trainer_step = 0;
    std::int64_t optimizer_steps = 0;
    Digest digest;  // of the published words
    std::string layout_hash;
    TrainingSettings settings;
};

// Appears at `path` whole and durable, or not at all: the file is written beside it and renamed.
// Returns its size. Fault::transport: what the disk says; nothing is left there.
Result<std::uint64_t> write_checkpoint(const std::filesystem::path& path,
                                       const CheckpointLabel& label, const TrainingState& state);

// From the header alone: not yet proven. Fault::corrupt, or transport when it cannot be read.
Result<CheckpointLabel> read_checkpoint_label(const std::filesystem::path& path);

// Fills the state's arrays. After a fault they hold anything. Fault::corrupt: other arrays than the
// state's, or bytes that are not those that were written.
Result<Done> read_checkpoint(const std::filesystem::path& path, const TrainingState& state);

}  // namespace dws
