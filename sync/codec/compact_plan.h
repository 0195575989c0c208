// A tile's changes in the order in which they are written, with the parameters that make them
// small, and then as bytes. Between a TileEncoder, which finds the changes, and the format.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "sync/codec/compact_format.h"
#include "sync/codec/compact_lines_ahead.h"

namespace dws {

class TilePlan {
public:
    // Starts over. counts: (sections,) the changes of each, kTileWords at most in all.
    void begin(TileMode mode, std::span<const std::uint32_t> counts);
    // The change with this index, counted over all sections: words of its section between it and
    // the change before, and its step. word_after is used when the step is too long to code.
    void set(std::size_t index, std::uint32_t gap, std::int32_t step, std::int32_t longest_step,
             std::uint32_t word_after) {
        gaps_[index] = gap;
        steps_[index] = step;
        if (step > longest_step || step < -longest_step) [[unlikely]]
            set_exception(index, word_after);
    }
    // After all changes are set: chooses the parameters. Returns the size of the tile in bytes.
    std::size_t finish(std::size_t word_bytes, LinesAhead& ahead);
    // What the same changes take at least as a flat tile, the last of them at word end - 1: without
    // looking at each, and below the truth by some half a bit a change.
    std::size_t fewest_flat_bytes(std::size_t word_bytes, std::size_t end) const;
    // Appends the tile to `out`.
    void write(std::size_t word_bytes, LinesAhead& ahead, Bytes& out) const;

private:
    struct Exception {
        std::uint16_t index;
        std::uint32_t word;
    };

    void set_exception(std::size_t index, std::uint32_t word);
    void choose_steps(Section& section, std::size_t first);
    // visit(gaps, rice) per section, then for the list.
    template <class Visit>
    void for_each_run(Visit visit) const;
    // visit(code) per exp-Golomb code, in the order of the stream.
    template <class Visit>
    void for_each_code(Visit visit) const;

    TileHeader header_;
    std::array<std::uint32_t, kTileWords> gaps_;
    std::array<std::int32_t, kTileWords> steps_;            // next minus old word; never 0
    std::array<std::uint32_t, kTileWords + 1> long_steps_;  // working space of choose_steps()
    std::vector<std::uint32_t> list_gaps_;                  // (listed,)
    std::vector<std::uint32_t> list_excess_;                // (listed,) length of the step, less 2
    std::uint32_t list_end_ = 0;  // of the listable changes: where a gap of 0 leads
    std::uint32_t listable_ = 0;  // changes of the sections with kListedSteps so far
    std::vector<Exception> exceptions_;
    std::size_t bytes_ = 0;  // of the tile
};

}  // namespace dws
