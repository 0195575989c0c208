// The weights in this process: sync writes them through the replica, the engine reads them, and
// what is digested is what is used. With two copies a commit changes their roles: the next version
// is written beside the live one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/huge_pages.h"
#include "model/config.h"
#include "model/weights.h"
#include "sync/array_table.h"
#include "sync/replica.h"

namespace dws {

class LiveWeights {
public:
    // copies: 1 or 2. All zero; the replica's version is -1 until an anchor is committed.
    LiveWeights(const ModelConfig& config, std::int64_t copies, ReplicaThreads threads);
    LiveWeights(const LiveWeights&) = delete;
    LiveWeights& operator=(const LiveWeights&) = delete;

    Replica& replica() { return replica_; }
    const Replica& replica() const { return replica_; }
    // (elements,) of weight_layout(config), the live copy; another one after a commit of two
    // copies.
    std::span<const Bf16> words() const;

private:
    const ArrayTable table_;
    std::vector<HugeVector<std::byte>> copies_;
    Replica replica_;
};

}  // namespace dws
