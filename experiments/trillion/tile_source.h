// Tiles of a model too large to hold, made up when they are asked for: each is a stretch of one
// simulated optimizer step, from a word that depends on the tile's index. No two are alike, and the
// same index always gives the same tile.
#pragma once

#include <cstdint>
#include <span>

#include "experiments/optimizer_steps.h"
#include "sync/codec/compact_classes.h"

namespace dws {

class TileSource {
public:
    explicit TileSource(const StepScenario& scenario);

    // base, next: of one size, at most that of a tile of 32-bit words.
    void draw(std::uint64_t tile, std::span<std::byte> base, std::span<std::byte> next) const;
    // The classes that fit the simulated step; for bf16.
    const ClassTable& classes() const { return classes_; }

private:
    const StepPair pair_;
    const ClassTable classes_;
};

}  // namespace dws
