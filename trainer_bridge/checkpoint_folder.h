// The checkpoints of one run on the trainer's own disk: named so that the newest is found, and no
// more of them than are asked for.
//
//   checkpoint-<sequence of its log record>-<digest16>.safetensors
//
// Sequence numbers only grow, also where steps go back, so their order is the order of age. Files
// that this process neither wrote nor found to be of its run's log are never removed.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <vector>

#include "base/result.h"
#include "trainer_bridge/checkpoint.h"

namespace dws {

struct FoundCheckpoint {
    std::filesystem::path file;
    CheckpointLabel label;
};

class CheckpointFolder {
public:
    // kept: at least 1. The folder is made when the first checkpoint is written.
    CheckpointFolder(std::filesystem::path folder, std::int64_t kept)
        : folder_(std::move(folder)), kept_(kept) {}

    struct Listing {
        std::vector<FoundCheckpoint> found;  // newest first
        std::vector<Error> unreadable;
    };
    // Whatever looks like a checkpoint, of any run. A folder that is absent holds none.
    Listing list() const;

    // The file is one of this run's log: it may be removed once newer ones are there. From the
    // oldest to the newest.
    void count_in(const std::filesystem::path& file);

    struct Written {
        std::filesystem::path file;
        std::uint64_t size_bytes;
    };
    // Then removes the oldest of those counted in beyond `kept`. After a fault they all stay.
    Result<Written> write(const CheckpointLabel& label, const TrainingState& state);

    const std::filesystem::path& folder() const { return folder_; }

private:
    void remove_oldest();
    void remove_unfinished() const;

    const std::filesystem::path folder_;
    const std::int64_t kept_;
    std::deque<std::filesystem::path> counted_;  // oldest first
};

}  // namespace dws
