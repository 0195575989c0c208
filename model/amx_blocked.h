// A large bf16 product on the matrix unit, cut into blocks that fit the caches.
//
// One operand stays, the other moves. Up to 32 panels of the staying one (1024 activations' rows or
// columns) are packed by all threads together. Then each thread takes its share of the moving one
// (rows or columns of weights or gradients), packs four panels of it at a time, and multiplies them
// with all staying panels: each weight is read, packed and multiplied by one thread only.
//
// Pairs of panels come left by left: results are then written in rows of up to 128, which for
// results of many MiB matters more than anything else here (1.25 times the whole product's speed).
// Meanwhile the left panel, 32 KiB for 512 of k, stays in L1, and in L2 are at most 1 MiB of the
// staying operand, 128 KiB of the moving one and 512 KiB of totals.
#pragma once

#include <cstddef>

#include "model/amx_buffers.h"

namespace dws {

struct BlockedShape {
    std::size_t still_panels, moving_panels;
    std::size_t steps;          // of 32 k each
    std::size_t steps_at_once;  // packed at a time; after each such stretch totals are added
    bool is_still_left;         // the staying operand's panels are the left ones
    bool lies_still_along_k;    // its k are neighbours in memory: a panel is packed at a time;
    bool lies_moving_along_k;   // else a step of all panels
    std::size_t rows, columns;  // of the results
    bool adds;                  // to what is there
};

// What the three products do differently. Called by several threads at once.
class BlockedProduct {
public:
    virtual ~BlockedProduct() = default;

    // One step of a panel, to: (kStepWords,); see amx_kernels.h.
    virtual void pack_still(std::size_t panel, std::size_t step, Bf16* to) const = 0;
    virtual void pack_moving(std::size_t panel, std::size_t step, Bf16* to) const = 0;
    // A row of results, (columns,).
    virtual float* row(std::size_t index) const = 0;
};

void run_blocked(const BlockedProduct& product, const BlockedShape& shape, AmxBuffers& buffers,
                 int threads);

}  // namespace dws
