// What a worker of the run has said so far: which version it holds, and whether it plays. For an
// experiment that sends a version when the one before has arrived; no part of the protocol.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <utility>

#include "experiments/launcher/event_tail.h"

namespace dws {

class WorkerWatch {
public:
    // events: the folder where the run's programs keep their `.jsonl` files.
    explicit WorkerWatch(std::filesystem::path events) : tail_(std::move(events)) {}

    // Throws std::runtime_error after ten minutes: over the slowest link of the experiments a
    // version is there in four. Both return when stopped, too.
    void wait_for_commit(std::int64_t version, std::stop_token stop);
    void wait_for_tokens(std::stop_token stop);

private:
    void look();

    EventTail tail_;
    std::int64_t committed_ = -1;
    std::int64_t tokens_ = 0;
};

}  // namespace dws
