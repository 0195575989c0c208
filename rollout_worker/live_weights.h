// The one copy of the weights in this process: sync writes it through the replica, the engine
// reads it, and what is digested is what is used.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "model/config.h"
#include "model/weights.h"
#include "sync/array_table.h"
#include "sync/replica.h"

namespace dws {

class LiveWeights {
public:
    // All zero; the replica's version is -1 until an anchor is committed.
    explicit LiveWeights(const ModelConfig& config);
    LiveWeights(const LiveWeights&) = delete;
    LiveWeights& operator=(const LiveWeights&) = delete;

    Replica& replica() { return replica_; }
    const Replica& replica() const { return replica_; }
    // (elements,) of weight_layout(config).
    std::span<const Bf16> words() const;

private:
    struct alignas(64) CacheLine {
        std::array<Bf16, 32> words{};
    };
    static_assert(sizeof(CacheLine) == 64);

    const ArrayTable table_;
    std::vector<CacheLine> lines_;
    Replica replica_;
};

}  // namespace dws
