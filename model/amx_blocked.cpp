#include "model/amx_blocked.h"

#include <omp.h>

#include <algorithm>

#include "model/amx_kernels.h"
#include "model/amx_results.h"

namespace dws {
namespace {

// Steps of 32 k that totals stay in tiles: with 16 a panel is 32 KiB of the 48 KiB of L1.
constexpr std::size_t kDepth = 16;
constexpr std::size_t kStillPanels = 32;
constexpr std::size_t kMovingPanels = 4;
// Right panels whose results are written together.
constexpr std::size_t kGroup = 4;
static_assert(kMovingPanels % kGroup == 0 && kStillPanels % kGroup == 0);
constexpr std::size_t kPairTotals = 4 * kTileTotals;  // of two panels

// The stretch of k, and the staying panels, that all threads work on.
struct Stage {
    std::size_t first_still, stills;
    std::size_t first_step, steps;
    Bf16* panels;  // (steps / kDepth, stills, kDepth, kStepWords); the last depth may be less

    Bf16* panel(std::size_t still, std::size_t step) const {
        const std::size_t before = step / kDepth * kDepth;
        const std::size_t depth = std::min(kDepth, steps - before);
        return panels + (before * stills + still * depth + step - before) * kStepWords;
    }
};

// Calls take(panel, step) for all, the inner one first.
template <class Take>
void each_step(std::size_t panels, std::size_t steps, bool panel_by_panel, Take take) {
    for (std::size_t outer = 0; outer < (panel_by_panel ? panels : steps); ++outer) {
        for (std::size_t inner = 0; inner < (panel_by_panel ? steps : panels); ++inner) {
            take(panel_by_panel ? outer : inner, panel_by_panel ? inner : outer);
        }
    }
}

// Up to kMovingPanels panels, all of the stage's k, by one thread.
class Block {
public:
    Block(const BlockedProduct& product, const BlockedShape& shape, const Stage& stage,
          AmxThreadBuffers& buffers, std::size_t first)
        : product_(product),
          shape_(shape),
          stage_(stage),
          first_(first),
          panels_(std::min(kMovingPanels, shape.moving_panels - first)),
          adds_(shape.adds || stage.first_step > 0),
          packed_(buffers.panels.reach(kMovingPanels * kDepth * kStepWords)),
          totals_(buffers.totals.reach(kMovingPanels * kStillPanels * kPairTotals)) {}

    void run() const {
        for (std::size_t step = 0; step < stage_.steps; step += kDepth) {
            each_step(panels_, depth(step), shape_.lies_moving_along_k,
                      [&](std::size_t panel, std::size_t at) {
                          product_.pack_moving(first_ + panel, stage_.first_step + step + at,
                                               packed_ + (panel * kDepth + at) * kStepWords);
                      });
            multiply(step);
        }
    }

private:
    std::size_t depth(std::size_t step) const { return std::min(kDepth, stage_.steps - step); }

    void multiply(std::size_t step) const {
        const std::size_t lefts = shape_.is_still_left ? stage_.stills : panels_;
        const std::size_t rights = shape_.is_still_left ? panels_ : stage_.stills;
        const bool is_only = stage_.steps <= kDepth;
        for (std::size_t left = 0; left < lefts; ++left) {
            for (std::size_t group = 0; group < rights; group += kGroup) {
                const std::size_t end = std::min(rights, group + kGroup);
                // Totals that nobody waits for stay in L1, all in one place.
                float* const totals = totals_ + (is_only ? 0 : left * rights + group) * kPairTotals;
                multiply_group(left, group, end, step, totals);
                if (step + kDepth >= stage_.steps) put(left, group, end, totals);
            }
        }
    }

    // totals: (end - group, kPairTotals).
    void multiply_group(std::size_t left, std::size_t group, std::size_t end, std::size_t step,
                        float* totals) const {
        const Bf16* const left_panel = panel(left, step, shape_.is_still_left);
        const bool is_last = step + kDepth >= stage_.steps;
        for (std::size_t right = group; right < end; ++right) {
            if (is_last) fetch_results(left, right);
            multiply_panels(left_panel, panel(right, step, !shape_.is_still_left), depth(step),
                            step > 0, totals + (right - group) * kPairTotals);
        }
    }

    const Bf16* panel(std::size_t index, std::size_t step, bool is_still) const {
        return is_still ? stage_.panel(index, step) : packed_ + index * kDepth * kStepWords;
    }
    std::size_t row_of(std::size_t left) const {
        return ((shape_.is_still_left ? stage_.first_still : first_) + left) * kPanelEdge;
    }
    std::size_t column_of(std::size_t right) const {
        return ((shape_.is_still_left ? first_ : stage_.first_still) + right) * kPanelEdge;
    }

    // Asks for the lines that are written next: they arrive while the unit multiplies.
    void fetch_results(std::size_t left, std::size_t right) const {
        const std::size_t end = std::min(row_of(left) + kPanelEdge, shape_.rows);
        for (std::size_t row = row_of(left); row < end; ++row) {
            const float* const at = product_.row(row) + column_of(right);
            __builtin_prefetch(at, 1, 3);
            __builtin_prefetch(at + kTileEdge, 1, 3);
        }
    }

    void put(std::size_t left, std::size_t group, std::size_t end, const float* totals) const {
        const std::size_t column = column_of(group);
        const std::size_t columns = std::min(shape_.columns - column, (end - group) * kPanelEdge);
        const std::size_t rows = std::min(kPanelEdge, shape_.rows - row_of(left));
        for (std::size_t i = 0; i < rows; ++i) {
            const float* from =
                totals + i / kTileEdge * 2 * kTileTotals + i % kTileEdge * kTileEdge;
            float* const to = product_.row(row_of(left) + i) + column;
            for (std::size_t at = 0; at < columns; at += kTileEdge) {
                put_row(from, std::min(kTileEdge, columns - at), adds_, to + at);
                from += at % kPanelEdge == 0 ? kTileTotals : kPairTotals - kTileTotals;
            }
        }
    }

    const BlockedProduct& product_;
    const BlockedShape& shape_;
    const Stage& stage_;
    std::size_t first_, panels_;
    bool adds_;
    Bf16* packed_;   // (panels, kDepth, kStepWords)
    float* totals_;  // (lefts, rights, kPairTotals)
};

// This thread's share of the stage's staying panels.
void pack_stills(const BlockedProduct& product, const BlockedShape& shape, const Stage& stage) {
    const bool panel_by_panel = shape.lies_still_along_k;
    const std::size_t inner = panel_by_panel ? stage.steps : stage.stills;
#pragma omp for schedule(static)
    for (std::size_t i = 0; i < stage.stills * stage.steps; ++i) {
        const std::size_t panel = panel_by_panel ? i / inner : i % inner;
        const std::size_t step = panel_by_panel ? i % inner : i / inner;
        product.pack_still(stage.first_still + panel, stage.first_step + step,
                           stage.panel(panel, step));
    }
}

}  // namespace

void run_blocked(const BlockedProduct& product, const BlockedShape& shape, AmxBuffers& buffers,
                 int threads) {
    const std::size_t most_stills = std::min(kStillPanels, shape.still_panels);
    const std::size_t most_steps = std::min(shape.steps_at_once, shape.steps);
    Bf16* const panels = buffers.panels.reach(most_stills * most_steps * kStepWords);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        const AmxTiles tiles;
        AmxThreadBuffers& own = buffers.of_thread[static_cast<std::size_t>(omp_get_thread_num())];
        for (std::size_t still = 0; still < shape.still_panels; still += kStillPanels) {
            for (std::size_t step = 0; step < shape.steps; step += most_steps) {
                const Stage stage{still, std::min(kStillPanels, shape.still_panels - still), step,
                                  std::min(most_steps, shape.steps - step), panels};
                pack_stills(product, shape, stage);
#pragma omp for schedule(static)
                for (std::size_t first = 0; first < shape.moving_panels; first += kMovingPanels) {
                    Block(product, shape, stage, own, first).run();
                }
            }
        }
    }
}

}  // namespace dws
