// Makes an EncodedStep while an optimizer step runs: tile by tile, in the optimizer's threads, from
// words that are in cache. Where the exponents are cut into classes is known before the step, from
// the step before: which weights change differs little from one to the next.
//
// A step's tiles stand in runs of a few; what comes out does not depend on which thread does which
// run, or on how many there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "sync/array_table.h"
#include "sync/codec/compact_classes.h"
#include "sync/codec/compact_tile_encoder.h"
#include "sync/codec/encoded_step.h"
#include "sync/codec/encoding.h"

namespace dws {

class StepEncoder {
public:
    // Tiles handled by one thread in a row: enough to be worth handing out, few enough that small
    // models keep several threads busy.
    static constexpr std::size_t kRunTiles = 4;

    // table: not owned, outlives this. encoding: a compact one. threads: that may call add().
    StepEncoder(const ArrayTable& table, Encoding encoding, std::size_t threads);
    ~StepEncoder();

    std::size_t runs() const { return (table_.tiles() + kRunTiles - 1) / kRunTiles; }
    std::size_t first_tile(std::size_t run) const { return run * kRunTiles; }
    std::size_t end_tile(std::size_t run) const;

    // Starts a step.
    void begin();
    // The next tile of its run; several threads at once, each with runs of its own. positions: of
    // the words that differ, ascending. before, after: (words * word_bytes,) the tile's words.
    void add(std::size_t thread, std::size_t tile, std::span<const std::uint16_t> positions,
             std::span<const std::byte> before, std::span<const std::byte> after);
    // After all tiles of all runs; games and trainer step are the caller's to fill in.
    EncodedStep finish();

private:
    struct Lane;  // what one thread works with

    bool is_sampled(std::size_t tile) const;

    const ArrayTable& table_;
    const Encoding encoding_;
    const std::size_t sampled_every_;  // tiles
    std::vector<std::unique_ptr<Lane>> lanes_;
    EncodedStep step_;         // in the making
    ClassTable next_classes_;  // of the step after it
};

}  // namespace dws
