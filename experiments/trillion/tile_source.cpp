#include "experiments/trillion/tile_source.h"

#include <cstring>

#include "base/require.h"
#include "sync/codec/compact.h"

namespace dws {

namespace {

// splitmix64 (https://prng.di.unimi.it/splitmix64.c).
std::uint64_t scramble(std::uint64_t state) {
    state += 0x9e3779b97f4a7c15;
    state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
    state = (state ^ (state >> 27)) * 0x94d049bb133111eb;
    return state ^ (state >> 31);
}

}  // namespace

TileSource::TileSource(const StepScenario& scenario)
    : pair_(simulate_step(scenario, 1)),
      classes_(choose_classes(*ArrayTable::make(pair_.layout), pair_.base, pair_.next)) {}

void TileSource::draw(std::uint64_t tile, std::span<std::byte> base,
                      std::span<std::byte> next) const {
    require(base.size() == next.size() && base.size() <= pair_.base.size() / 2,
            "a tile is small beside the simulated step");
    const std::uint64_t starts = (pair_.base.size() - base.size()) / 2;  // words
    const std::uint64_t offset = scramble(tile) % starts * 2;
    std::memcpy(base.data(), pair_.base.data() + offset, base.size());
    std::memcpy(next.data(), pair_.next.data() + offset, next.size());
}

}  // namespace dws
